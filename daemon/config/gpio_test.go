package config

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/gpio"
)

func TestGPIO(t *testing.T) {
	c := load(t, "gpio.toml")
	want := gpio.Config{
		Name: "pins", Poll: 250 * time.Millisecond, Coils: 2,
		Extras: gpio.Extras{
			LED: gpio.Line{Name: "GPIO5"}, Buzzer: gpio.Line{Name: "GPIO6", Low: true},
			Tamper: gpio.Line{Name: "gpiochip1/13", Low: true, Bias: gpio.PullUp},
		},
		Doors: []gpio.Door{
			{Relay: gpio.Line{Name: "GPIO17"}, Feedback: gpio.Line{Name: "GPIO27"}, Power: gpio.Line{Name: "GPIO22"}},
			{
				Relay: gpio.Line{Name: "GPIO18", Low: true}, Feedback: gpio.Line{Name: "GPIO23", Low: true, Bias: gpio.PullUp},
				Power: gpio.Line{Name: "GPIO24", Low: true},
			},
			{Relay: gpio.Line{Name: "gpiochip0/25"}},
		},
	}
	if got := c.GPIO(c.Buses[0]); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	boards := []hal.BoardConfig{{Address: 1, Channels: 1}, {Address: 2, Channels: 1}, {Address: 3, Channels: 1}}
	if got := c.HAL(c.Buses[0]).Boards; !reflect.DeepEqual(got, boards) {
		t.Errorf("boards %v, want %v", got, boards)
	}
	sensors := map[string]bool{}
	locks := map[string]hal.Lock{}
	for _, d := range c.Doors {
		sensors[d.ID.String()], locks[d.ID.String()] = d.Sensor, d.Lock
	}
	if !sensors["1-01"] || sensors["1-02"] || sensors["3-01"] || !sensors["2-01"] {
		t.Errorf("sensors %v", sensors)
	}
	if locks["1-02"] != (hal.Lock{Address: 2, Channel: 1}) || locks["3-01"] != (hal.Lock{Address: 3, Channel: 1}) {
		t.Errorf("locks %v", locks)
	}
}

func TestGPIOProblems(t *testing.T) {
	data, err := os.ReadFile(configs + "gpio.toml")
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for _, c := range []struct{ name, old, new, key, what string }{
		{"port", `poll = "250ms"`, `port = "/dev/ttyS0"`, "bus[0].port", "does not belong to driver gpio"},
		{"baud", `poll = "250ms"`, `baud = 9600`, "bus[0].baud", "does not belong to driver gpio"},
		{"profile", `poll = "250ms"`, `profile = { closed_bit = 1 }`, "bus[0].profile", "does not belong to driver gpio"},
		{"led of a wire", `driver = "xor8a"`, "driver = \"xor8a\"\nled = \"GPIO9\"", "bus[1].led", "a gpio bus"},
		{"boards", "doors = 2\n", "doors = 2\nboards = [{ address = 1, channels = 8, first_door = 1 }]\n", "locker[0].boards", "remove it"},
		{"door without entry", "doors = 2\n", "doors = 3\n", "door", "1-03"},
		{"relay missing", `relay = "GPIO17"`, "", "door[0].relay", `add relay = "GPIO17"`},
		{"relay of a door on a wire", "[[door]]\nid = \"3-01\"", "[[door]]\nid = \"2-01\"\nrelay = \"GPIO9\"\n[[door]]\nid = \"3-01\"", "door[2].relay", "a door on a gpio bus"},
		{"key of a door on a board", `relay = "GPIO17"`, "relay = \"GPIO17\"\nlock_channel = 1", "door[0].lock_channel", "a door on a board"},
		{"line twice", `feedback = "GPIO27"`, `feedback = "GPIO18"`, "door[1].relay", "feedback of door 1-01"},
		{"line twice on the bus", `led = "GPIO5"`, `led = "GPIO17"`, "door[0].relay", "led of bus pins"},
		{"line's name", `"GPIO17"`, `"/dev/gpiochip0"`, "door[0].relay", "gpioinfo"},
		{"level", `relay_active = "high"`, `relay_active = "1"`, "door[0].relay_active", `"high" or "low"`},
		{"pull", `feedback_pull = "up"`, `feedback_pull = "on"`, "door[1].feedback_pull", `"up", "down" or "off"`},
		{"level of no line", `power = "GPIO22"`, `power_active = "low"`, "door[0].power_active", "add power"},
		{"sensor without feedback", `relay = "gpiochip0/25"`, "relay = \"gpiochip0/25\"\nsensor = true", "door[2].sensor", "add feedback"},
		{"bus with nothing", "[[locker]]", "[[bus]]\nname = \"more\"\ndriver = \"gpio\"\n[[locker]]", "bus[2]", "no door and no line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatalf("nothing was spoilt: %q", c.old)
			}
			_, err := Parse([]byte(text), "x")
			var ps Problems
			if !errors.As(err, &ps) || len(ps) != 1 {
				t.Fatalf("want one problem, got %v", err)
			}
			if ps[0].Key != c.key || !strings.Contains(ps[0].String(), c.what) || ps[0].Cure == "" {
				t.Errorf("got %s, want %s: ...%s...", ps[0], c.key, c.what)
			}
		})
	}
}

// TestLampOnly holds that a gpio bus may serve the bank alone.
func TestLampOnly(t *testing.T) {
	text := strings.Replace(base, "[[locker]]", "[[bus]]\nname = \"pins\"\ndriver = \"gpio\"\ntamper = \"GPIO4\"\n[[locker]]", 1)
	c, err := Parse([]byte(text), "x")
	if err != nil {
		t.Fatal(err)
	}
	if g := c.GPIO(c.Buses[2]); g.Tamper.Name != "GPIO4" || len(g.Doors) != 0 {
		t.Errorf("%+v", g)
	}
}
