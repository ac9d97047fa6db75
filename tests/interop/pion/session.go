package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"

	"github.com/pion/webrtc/v4"
)

type track struct {
	Location    string `json:"location,omitempty"`
	Mid         string `json:"mid,omitempty"`
	SessionID   string `json:"sessionId,omitempty"`
	TrackName   string `json:"trackName,omitempty"`
	ErrorCode   string `json:"errorCode,omitempty"`
	Description string `json:"errorDescription,omitempty"`
}

type request struct {
	Tracks      []track                    `json:"tracks,omitempty"`
	Description *webrtc.SessionDescription `json:"sessionDescription,omitempty"`
}

type answer struct {
	SessionID   string                     `json:"sessionId"`
	Tracks      []track                    `json:"tracks"`
	Description *webrtc.SessionDescription `json:"sessionDescription"`
	ErrorCode   string                     `json:"errorCode"`
}

// session is a connection and its session at the SFU.
type session struct {
	url, secret, id string
	peer            *webrtc.PeerConnection
	connected       chan struct{}
}

func open(url, secret string) *session {
	peer, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		log.Fatal(err)
	}
	made := &session{url: url, secret: secret, peer: peer, connected: make(chan struct{})}
	peer.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		log.Println(state)
		if state == webrtc.PeerConnectionStateConnected {
			close(made.connected)
		}
	})
	made.id = made.post("POST", "/sessions/new", nil).SessionID
	return made
}

// call makes a call below the session; what fails ends the program.
func (s *session) call(method, path string, body any) answer {
	return s.post(method, "/sessions/"+s.id+path, body)
}

func (s *session) post(method, path string, body any) answer {
	encoded, err := json.Marshal(body)
	if err != nil {
		log.Fatal(err)
	}
	if body == nil {
		encoded = nil
	}
	call, err := http.NewRequest(method, s.url+path, bytes.NewReader(encoded))
	if err != nil {
		log.Fatal(err)
	}
	call.Header.Set("Authorization", "Bearer "+s.secret)
	reply, err := http.DefaultClient.Do(call)
	if err != nil {
		log.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		log.Fatal(err)
	}
	var got answer
	if err := json.Unmarshal(text, &got); err != nil || got.ErrorCode != "" {
		log.Fatalf("%s: %s", reply.Status, text)
	}
	for _, each := range got.Tracks {
		if each.ErrorCode != "" {
			log.Fatalf("%s: %s", each.ErrorCode, each.Description)
		}
	}
	return got
}

func (s *session) offer() *webrtc.SessionDescription {
	made, err := s.peer.CreateOffer(nil)
	if err != nil {
		log.Fatal(err)
	}
	return s.set(made)
}

func (s *session) answer() *webrtc.SessionDescription {
	made, err := s.peer.CreateAnswer(nil)
	if err != nil {
		log.Fatal(err)
	}
	return s.set(made)
}

func (s *session) set(made webrtc.SessionDescription) *webrtc.SessionDescription {
	if err := s.peer.SetLocalDescription(made); err != nil {
		log.Fatal(err)
	}
	return s.peer.LocalDescription()
}

func (s *session) take(description *webrtc.SessionDescription) {
	if err := s.peer.SetRemoteDescription(*description); err != nil {
		log.Fatal(err)
	}
}
