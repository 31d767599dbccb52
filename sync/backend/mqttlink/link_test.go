package mqttlink

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"lockerd/sync/backend"
)

// TestSubscribe: all filters go in one SUBSCRIBE, and whatever is no QoS in the answer is
// a refusal: a backend that takes it for a grant hears nothing and does not know.
func TestSubscribe(t *testing.T) {
	filters := []string{"a/+", "b/+", "c/+"}
	for name, tt := range map[string]struct {
		codes map[string]byte
		want  string
	}{
		"granted":              {nil, ""},
		"less than asked":      {map[string]byte{"b/+": 0}, ""},
		"failure":              {map[string]byte{"b/+": 0x80}, "b/+: the broker refuses it (0x80)"},
		"packet id in use, v5": {map[string]byte{"c/+": 0x91}, "c/+: the broker refuses it (0x91)"},
	} {
		t.Run(name, func(t *testing.T) {
			url, asked := answering(t, tt.codes)
			l, err := Dial(t.Context(), Options{URL: url, ClientID: "backend", QoS: 1}, func(context.Context, backend.Message) {})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			err = l.Subscribe(t.Context(), filters...)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if got := <-asked; len(got) != len(filters) {
				t.Errorf("the first SUBSCRIBE asks for %q", got)
			}
		})
	}
}

// answering is a broker that answers each filter with its code, or grants QoS 1.
func answering(t *testing.T, codes map[string]byte) (url string, asked <-chan []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	topics := make(chan []string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }() // the client has gone
		for {
			p, err := packets.ReadPacket(c)
			if err != nil {
				return
			}
			switch p := p.(type) {
			case *packets.ConnectPacket:
				_ = packets.NewControlPacket(packets.Connack).Write(c) // else the client says so
			case *packets.SubscribePacket:
				a := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
				a.MessageID = p.MessageID
				for _, f := range p.Topics {
					code, ok := codes[f]
					if !ok {
						code = 1
					}
					a.ReturnCodes = append(a.ReturnCodes, code)
				}
				topics <- p.Topics
				_ = a.Write(c) // else the client says so
			}
		}
	}()
	return "mqtt://" + l.Addr().String(), topics
}
