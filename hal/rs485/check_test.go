package rs485_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/cu48"
	"lockerd/hal/rs485/waveshare"
	"lockerd/hal/rs485/xor8a"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		name   string
		limits rs485.Limits
		change func(*hal.Config)
		want   []string // keys and values of the problems
	}{
		{"sound", xor8a.Limits(), func(*hal.Config) {}, nil},
		{"no port", xor8a.Limits(), func(c *hal.Config) { c.Port = "" }, []string{`port=""`}},
		{"numbers", xor8a.Limits(), func(c *hal.Config) {
			c.Baud, c.Coils, c.ReplyTimeout, c.Poll, c.Pulse = -1, 17, 11*time.Second, -1, 1001*time.Millisecond
		}, []string{"baud=-1", "coils=17", "reply_timeout=11s", "poll=-1ns", "pulse=1.001s"}},
		{"no boards", xor8a.Limits(), func(c *hal.Config) { c.Boards = nil }, []string{"boards=0"}},
		{"addresses", xor8a.Limits(), func(c *hal.Config) {
			c.Boards = []hal.BoardConfig{{Address: 0, Channels: 8}, {Address: 33, Channels: 8}, {Address: 2, Channels: 8}, {Address: 2, Channels: 51}}
		}, []string{"address=0", "address=33", "address=2", "channels=51"}},
		{"all boards", cu48.Limits(), func(c *hal.Config) { c.Boards = []hal.BoardConfig{{Address: 10, Channels: 48}, {Channels: 49}} }, []string{"address=10", "channels=49"}},
		{"profile", waveshare.Limits(), func(c *hal.Config) { c.Profile = map[string]string{"closed_bit": "yes", "byte_order": "x"} }, []string{"profile.byte_order=x", "profile.closed_bit=yes"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			cfg := xorConfig(1, 2)
			tc.change(&cfg)
			var got []string
			for _, p := range rs485.Check(cfg, tc.limits) {
				got = append(got, fmt.Sprintf("%s=%s", p.Key, p.Value))
				if p.Cure == "" {
					t.Errorf("%s has no cure", p.Key)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("problems %q, want %q", got, tc.want)
			}
		})
	}
}

func TestOpenRefusesWhatCheckDoes(t *testing.T) {
	cfg := xorConfig(1)
	cfg.Boards[0].Address = 77
	cfg.Pulse = 1100 * time.Millisecond
	bus, err := rs485.Open(cfg, xorCodec(t), &sink{}, rs485.Options{})
	if err == nil {
		t.Fatal(bus.Close())
	}
	for _, want := range []string{"cannot use address = 77", "cannot use pulse = 1.1s", "1s"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
}
