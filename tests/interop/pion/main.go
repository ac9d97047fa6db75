// pion as a publisher or a subscriber of one session, for the interop tests.
//
//	pion publish URL SECRET MEDIA.ivf MEDIA.ogg
//	pion subscribe [-offer] URL SECRET SESSION
//
// URL is an app's. The publisher sends VP8 and Opus from its files, over and over; it prints its
// session once it is connected, and stays until its standard input closes. The subscriber pulls
// both, prints the hash of each of the first frames that it put together, and ends.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/pion/webrtc/v4"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("publish or subscribe")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	offer := flags.Bool("offer", false, "pull with an offer of our own")
	_ = flags.Parse(os.Args[2:])
	args := flags.Args()
	session := open(args[0], args[1])
	defer session.peer.Close()
	switch os.Args[1] {
	case "publish":
		publish(session, args[2], args[3])
	case "subscribe":
		subscribe(session, args[2], *offer)
	}
}

func publish(session *session, video, audio string) {
	tracks := []*source{vp8From(video), opusFrom(audio)}
	for _, each := range tracks {
		if _, err := session.peer.AddTrack(each.track); err != nil {
			log.Fatal(err)
		}
	}
	var wanted []track
	offer := session.offer()
	for at, transceiver := range session.peer.GetTransceivers() {
		name := tracks[at].track.ID()
		wanted = append(wanted, track{Location: "local", Mid: transceiver.Mid(), TrackName: name})
	}
	answer := session.call("POST", "/tracks/new", request{Tracks: wanted, Description: offer})
	session.take(answer.Description)
	<-session.connected
	for _, each := range tracks {
		go each.play()
	}
	fmt.Println("session", session.id)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func subscribe(session *session, publisher string, offer bool) {
	wanted := []track{
		{Location: "remote", SessionID: publisher, TrackName: "video"},
		{Location: "remote", SessionID: publisher, TrackName: "audio"},
	}
	arrived := make(chan *webrtc.TrackRemote, len(wanted))
	session.peer.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		arrived <- remote
	})
	if offer {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
			receiving := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
			if _, err := session.peer.AddTransceiverFromKind(kind, receiving); err != nil {
				log.Fatal(err)
			}
		}
		answer := session.call("POST", "/tracks/new", request{Tracks: wanted, Description: session.offer()})
		session.take(answer.Description)
	} else {
		answer := session.call("POST", "/tracks/new", request{Tracks: wanted})
		session.take(answer.Description)
		session.call("PUT", "/renegotiate", request{Description: session.answer()})
	}
	done := make(chan struct{})
	for range wanted {
		remote := <-arrived
		go func() {
			hashFrames(remote)
			done <- struct{}{}
		}()
	}
	for range wanted {
		<-done
	}
}
