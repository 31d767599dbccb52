package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/golden"
	"lockerd/daemon/locker"
	"lockerd/hal"
)

const configs = "../../testdata/configs/"

func load(t *testing.T, name string) *Config {
	t.Helper()
	c, err := Load(configs + name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestContractExample(t *testing.T) {
	c := load(t, "contract.toml")
	want := Default()
	want.Bank, want.DataDir, want.Timezone = "lon-042", "/var/lib/lockerd", "Europe/London"
	want.MQTT = &MQTT{
		URL: "mqtts://broker.example.com:8883", Username: "lon-042", PasswordFile: "/etc/lockerd/mqtt.password",
		CAFile: "/etc/lockerd/ca.pem", CertFile: "/etc/lockerd/bank.pem", KeyFile: "/etc/lockerd/bank.key",
		Prefix: "lockers/v1", DownQoS: 1, Keepalive: 30 * time.Second, Heartbeat: time.Minute, AckTimeout: 5 * time.Second,
	}
	want.Trust = &Trust{KeysFile: "/etc/lockerd/trust.json"}
	want.Control = Control{Socket: "/run/lockerd/control.sock"}
	want.Kiosk = &Kiosk{Listen: "127.0.0.1:8480"}
	want.Metrics = &Metrics{Listen: "127.0.0.1:9480"}
	want.Buses = []Bus{{
		Name: "a", Driver: "xor8a", Port: "/dev/ttyUSB0", Baud: 9600,
		ReplyTimeout: 300 * time.Millisecond, Poll: 500 * time.Millisecond, Coils: 1,
		Profile: map[string]string{"closed_bit": "1", "byte_order": "high-first"},
	}}
	want.Lockers = []Locker{{
		Number: 1, Bus: "a", Size: locker.SizeM, Doors: 34,
		Boards: []Board{{Address: 1, Channels: 24, FirstDoor: 1}, {Address: 2, Channels: 10, FirstDoor: 25}},
	}}
	want.Scanners = []Scanner{{Name: "front", Driver: "serial", Port: "/dev/ttyACM0", Baud: 9600, Suffix: "\r"}}
	doors := c.Doors
	c.Doors = nil
	if !reflect.DeepEqual(*c, want) {
		t.Errorf("got  %+v\nwant %+v", *c, want)
	}
	if len(doors) != 34 {
		t.Fatalf("%d doors, want 34", len(doors))
	}
	plain := Door{
		ID: locker.DoorID{Locker: 1, Door: 25}, Size: locker.SizeM, Sensor: true, Use: UseAny,
		Bus: "a", Lock: hal.Lock{Address: 2, Channel: 1},
	}
	if doors[24] != plain {
		t.Errorf("door 1-25 is %+v, want %+v", doors[24], plain)
	}
	special := Door{
		ID: locker.DoorID{Locker: 1, Door: 34}, Size: locker.SizeL, Accessible: true, Tenant: "acme", Use: UseAny,
		Bus: "a", Lock: hal.Lock{Address: 2, Channel: 10},
	}
	if doors[33] != special {
		t.Errorf("door 1-34 is %+v, want %+v", doors[33], special)
	}
}

func TestDefaults(t *testing.T) {
	c := load(t, "minimal.toml")
	if c.Control.Socket != "/var/lib/lockerd/control.sock" {
		t.Errorf("socket is %q", c.Control.Socket)
	}
	if c.MQTT != nil || c.Trust != nil || c.Kiosk != nil || c.Metrics != nil {
		t.Error("a section that is not in the file is not nil")
	}
	if c.Open != Default().Open || c.Journal != Default().Journal || c.Timezone != "UTC" {
		t.Errorf("defaults are not the defaults: %+v", c)
	}
	if b := c.Buses[0]; b.Baud != 9600 || b.Coils != 1 || b.Poll != 500*time.Millisecond || b.ReplyTimeout != 300*time.Millisecond {
		t.Errorf("bus defaults: %+v", b)
	}
}

func TestFullBank(t *testing.T) {
	c := load(t, "full.toml")
	if len(c.Doors) != 5*34+32 {
		t.Errorf("%d doors, want %d", len(c.Doors), 5*34+32)
	}
	for i := 1; i < len(c.Doors); i++ {
		if !c.Doors[i-1].ID.Less(c.Doors[i].ID) {
			t.Errorf("door %s stands before %s", c.Doors[i-1].ID, c.Doors[i].ID)
		}
	}
	h := c.HAL(c.Buses[2])
	want := hal.Config{
		Name: "c", Driver: "waveshare", Port: "/dev/ttyUSB2", Baud: 19200, RS485: true,
		ReplyTimeout: 300 * time.Millisecond, Poll: 500 * time.Millisecond, Coils: 1, Pulse: 300 * time.Millisecond,
		Boards: []hal.BoardConfig{{Address: 1, Channels: 32}, {Address: 2, Channels: 32}, {Address: 255, Channels: 2}},
	}
	if !reflect.DeepEqual(h, want) {
		t.Errorf("got  %+v\nwant %+v", h, want)
	}
	if p := c.HAL(c.Buses[0]).Profile; p["byte_order"] != "low-first" || p["closed_bit"] != "0" {
		t.Errorf("profile of bus a: %v", p)
	}
	if c.Buses[1].Baud != 19200 {
		t.Errorf("cu48 runs at %d baud, want its own 19200", c.Buses[1].Baud)
	}
}

// TestEveryProblem holds the promise that all problems of a file come at once.
func TestEveryProblem(t *testing.T) {
	data, err := os.ReadFile(configs + "broken.toml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse(data, "broken.toml")
	golden.Same(t, configs+"broken.golden", err.Error()+"\n")
}

func TestLoadMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no.toml")
	_, err := Load(path)
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != 1 || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"contract.toml", "minimal.toml", "full.toml", "gpio.toml"} {
		c := load(t, name)
		again, err := Parse(c.TOML(), name)
		if err != nil {
			t.Fatalf("%s written back: %v\n%s", name, err, c.TOML())
		}
		if !reflect.DeepEqual(c, again) {
			t.Errorf("%s changed on the way:\n%+v\n%+v", name, c, again)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"contract.toml", "minimal.toml", "full.toml", "gpio.toml", "broken.toml"} {
		data, err := os.ReadFile(configs + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("a = \"\"\"\n[\n\"\"\"\n[[bus]]\nb.c = [{}, {\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data, "fuzz")
		if err != nil {
			var ps Problems
			if c != nil || !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("refused with %v and no problems", err)
			}
			return
		}
		c.Warnings()
		again, err := Parse(c.TOML(), "again")
		if err != nil {
			t.Fatalf("written back: %v\n%s", err, c.TOML())
		}
		if !reflect.DeepEqual(c, again) {
			t.Fatalf("changed on the way:\n%+v\n%+v", c, again)
		}
	})
}
