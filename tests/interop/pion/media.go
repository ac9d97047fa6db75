package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"
	"github.com/pion/webrtc/v4/pkg/media/samplebuilder"
)

// framesEach is how many frames of a track are hashed.
const framesEach = 40

// source is a track and the samples that it repeats.
type source struct {
	track   *webrtc.TrackLocalStaticSample
	samples []media.Sample
}

func (s *source) play() {
	for begun, at := time.Now(), time.Duration(0); ; {
		for _, sample := range s.samples {
			time.Sleep(time.Until(begun.Add(at)))
			if err := s.track.WriteSample(sample); err != nil {
				return
			}
			at += sample.Duration
		}
	}
}

func vp8From(path string) *source {
	reader, header, err := ivfreader.NewWith(opened(path))
	if err != nil {
		log.Fatal(err)
	}
	each := time.Second * time.Duration(header.TimebaseNumerator) / time.Duration(header.TimebaseDenominator)
	made := newSource(webrtc.MimeTypeVP8, "video")
	for {
		frame, _, err := reader.ParseNextFrame()
		if err == io.EOF {
			return made
		}
		if err != nil {
			log.Fatal(err)
		}
		made.samples = append(made.samples, media.Sample{Data: frame, Duration: each})
	}
}

func opusFrom(path string) *source {
	reader, _, err := oggreader.NewWith(opened(path))
	if err != nil {
		log.Fatal(err)
	}
	made := newSource(webrtc.MimeTypeOpus, "audio")
	for {
		page, _, err := reader.ParseNextPage()
		if err == io.EOF {
			return made
		}
		if err != nil {
			log.Fatal(err)
		}
		made.samples = append(made.samples, media.Sample{Data: page, Duration: 20 * time.Millisecond})
	}
}

func opened(path string) io.Reader {
	file, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	return file
}

func newSource(mime, name string) *source {
	codec := webrtc.RTPCodecCapability{MimeType: mime}
	track, err := webrtc.NewTrackLocalStaticSample(codec, name, "pion")
	if err != nil {
		log.Fatal(err)
	}
	return &source{track: track}
}

// hashFrames prints the first frames of a track, put together from its packets.
func hashFrames(remote *webrtc.TrackRemote) {
	var depacketizer rtp.Depacketizer = &codecs.OpusPacket{}
	if remote.Kind() == webrtc.RTPCodecTypeVideo {
		depacketizer = &codecs.VP8Packet{}
	}
	builder := samplebuilder.New(64, depacketizer, remote.Codec().ClockRate)
	for printed := 0; printed < framesEach; {
		packet, _, err := remote.ReadRTP()
		if err != nil {
			log.Fatal(err)
		}
		builder.Push(packet)
		for sample := builder.Pop(); sample != nil && printed < framesEach; sample = builder.Pop() {
			fmt.Printf("%s %x\n", remote.Kind(), sha256.Sum256(sample.Data))
			printed++
		}
	}
}
