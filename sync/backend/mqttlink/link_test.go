package mqttlink

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"lockerd/sync/backend"
	"lockerd/sync/wire"
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
			if tt.want != "" {
				return
			}
			if err := l.Subscribe(t.Context(), filters[2]); err != nil {
				t.Errorf("once more: %v", err)
			}
			if got := <-asked; !slices.Equal(got, filters[2:]) {
				t.Errorf("the second SUBSCRIBE asks for %q", got)
			}
		})
	}
}

// TestPublish: an acknowledgement costs the broker no state, anything else is QoS 1.
func TestPublish(t *testing.T) {
	a, b := net.Pipe()
	got := make(chan *packets.PublishPacket, 8)
	go serve(a, func(p packets.ControlPacket) {
		if p, ok := p.(*packets.PublishPacket); ok {
			got <- p
		}
	})
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://broker").SetCustomOpenConnectionFn(
		func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return b, nil }))
	if err := wait(t.Context(), client.Connect(), connectTime); err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(0)
	l := &Link{client: client, done: make(chan struct{}), window: make(chan struct{}, inFlight)}
	for topic, want := range map[string]byte{wire.TopicAck: 0, wire.TopicCodes: 1, wire.TopicCommand: 1} {
		if err := l.Publish(t.Context(), "lockers/v1/lon-042/"+topic, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if p := <-got; p.Qos != want || p.Retain {
			t.Errorf("%s goes with QoS %d, retained %v, want QoS %d", p.TopicName, p.Qos, p.Retain, want)
		}
	}
}

// answering is a broker that answers each filter with its code, or grants QoS 1.
func answering(t *testing.T, codes map[string]byte) (broker string, asked <-chan []string) {
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
		serve(c, func(p packets.ControlPacket) {
			if p, ok := p.(*packets.SubscribePacket); ok {
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
		})
	}()
	return "mqtt://" + l.Addr().String(), topics
}

// serve takes a client's connection and shows what comes over it.
func serve(c net.Conn, show func(packets.ControlPacket)) {
	for {
		p, err := packets.ReadPacket(c)
		if err != nil {
			return
		}
		if _, ok := p.(*packets.ConnectPacket); ok {
			_ = packets.NewControlPacket(packets.Connack).Write(c) // else the client says so
		}
		show(p)
	}
}
