// Captures what pion writes. In a scratch folder: go mod init capture; go get
// github.com/pion/webrtc/v4@v4.2.9; go run main.go <vectors/sdp/pion-4.2.9>.
package main

import (
	"os"
	"path/filepath"

	"github.com/pion/webrtc/v4"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func record(name string, prepare func(*webrtc.PeerConnection) error) {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	must(err)
	must(prepare(pc))
	offer, err := pc.CreateOffer(nil)
	must(err)
	gathered := webrtc.GatheringCompletePromise(pc)
	must(pc.SetLocalDescription(offer))
	<-gathered
	file := filepath.Join(os.Args[1], name+".sdp")
	must(os.WriteFile(file, []byte(pc.LocalDescription().SDP), 0o644))
	must(pc.Close())
}

func track(mime, id, rid string) *webrtc.TrackLocalStaticRTP {
	options := []func(*webrtc.TrackLocalStaticRTP){}
	if rid != "" {
		options = append(options, webrtc.WithRTPStreamID(rid))
	}
	made, err := webrtc.NewTrackLocalStaticRTP(
		webrtc.RTPCodecCapability{MimeType: mime}, id, "stream", options...)
	must(err)
	return made
}

func main() {
	must(os.MkdirAll(os.Args[1], 0o755))
	record("audio-video", func(pc *webrtc.PeerConnection) error {
		if _, err := pc.AddTrack(track(webrtc.MimeTypeOpus, "audio", "")); err != nil {
			return err
		}
		_, err := pc.AddTrack(track(webrtc.MimeTypeVP8, "video", ""))
		return err
	})
	record("simulcast", func(pc *webrtc.PeerConnection) error {
		sender, err := pc.AddTrack(track(webrtc.MimeTypeVP8, "video", "f"))
		if err != nil {
			return err
		}
		if err := sender.AddEncoding(track(webrtc.MimeTypeVP8, "video", "h")); err != nil {
			return err
		}
		return sender.AddEncoding(track(webrtc.MimeTypeVP8, "video", "q"))
	})
	record("recvonly", func(pc *webrtc.PeerConnection) error {
		for _, kind := range []webrtc.RTPCodecType{
			webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo,
		} {
			if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{
				Direction: webrtc.RTPTransceiverDirectionRecvonly,
			}); err != nil {
				return err
			}
		}
		return nil
	})
	record("datachannel", func(pc *webrtc.PeerConnection) error {
		_, err := pc.CreateDataChannel("server-events", nil)
		return err
	})
}
