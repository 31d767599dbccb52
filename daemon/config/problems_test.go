package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// base is a good configuration; each case below spoils one thing in it.
const base = `version = 1
bank = "lon-042"
data_dir = "/var/lib/lockerd"
[mqtt]
url = "mqtts://broker:8883"
[trust]
keys_file = "/nowhere/trust.json"
[open]
pulse = "300ms"
[journal]
[control]
[time]
[[bus]]
name = "a"
driver = "xor8a"
port = "/dev/ttyUSB0"
[bus.profile]
[[bus]]
name = "s"
driver = "sim"
[bus.profile]
family = "cu48" # played
[[locker]]
number = 1
bus = "a"
size = "M"
doors = 20
boards = [ { address = 1, channels = 20, first_door = 1 } ]
[[locker]]
number = 2
bus = "s"
size = "S"
doors = 8
boards = [ { address = 0, channels = 8, first_door = 1 } ]
[[door]]
id = "1-07"
[[scanner]]
name = "front"
driver = "serial"
port = "/dev/ttyACM0"
`

func TestBaseIsGood(t *testing.T) {
	if _, err := Parse([]byte(base), "base"); err != nil {
		t.Fatal(err)
	}
}

// TestOneProblem spoils one thing and wants exactly one problem, at that key.
func TestOneProblem(t *testing.T) {
	for _, c := range []struct{ name, old, new, key, what string }{
		{"version missing", "version = 1\n", "", "version", "missing"},
		{"version text", "version = 1", `version = "1"`, "version", "is a text"},
		{"version newer", "version = 1", "version = 2", "version", "does not know"},
		{"bank missing", "bank = \"lon-042\"\n", "", "bank", "missing"},
		{"bank upper case", "lon-042", "Lon", "bank", "no name of a bank"},
		{"bank too long", "lon-042", strings.Repeat("a", 33), "bank", "no name of a bank"},
		{"bank newline", "lon-042", `a\n`, "bank", "no name of a bank"},
		{"data_dir empty", `"/var/lib/lockerd"`, `""`, "data_dir", "empty"},
		{"data_dir too long for the socket", "/var/lib/lockerd", "/" + strings.Repeat("d", 120), "data_dir", "socket"},
		{"zone", "[mqtt]", "timezone = \"Nowhere\"\n[mqtt]", "timezone", "time zone"},
		{"zone local", "[mqtt]", "timezone = \"Local\"\n[mqtt]", "timezone", "time zone"},
		{"unknown section", "[time]", "[times]\n[time]", "times", "not a known key"},
		{"unknown key", `name = "a"`, "name = \"a\"\nspeed = 9600", "bus[0].speed", "not a known key"},
		{"key case", `port = "/dev/ttyUSB0"`, "port = \"/dev/ttyUSB0\"\nBaud = 9600", "bus[0].Baud", "not a known key"},
		{"section as value", "[time]", "time = 3\n", "control.time", "not a known key"},

		{"url missing", "url = \"mqtts://broker:8883\"\n", "", "mqtt.url", "missing"},
		{"url empty", "mqtts://broker:8883", "", "mqtt.url", "scheme"},
		{"url scheme", "mqtts://", "tcp://", "mqtt.url", "scheme"},
		{"url port", "broker:8883", "broker:88830", "mqtt.url", "port"},
		{"url path", "broker:8883", "broker:8883/x", "mqtt.url", "path"},
		{"url no host", "broker:8883", ":8883", "mqtt.url", "host"},
		{"url query", "broker:8883", "broker:8883?a=b", "mqtt.url", "query"},
		{"url password", "broker:8883", "me:secret@broker:8883", "mqtt.url", "password"},
		{"identity url", "[trust]", "[identity]\nurl = \"http://enrol.example.com\"\n[trust]", "identity.url", "no address"},
		{"identity dir", "[trust]", "[identity]\ndir = \"\"\n[trust]", "identity.dir", "empty"},
		{"one TLS file", "[trust]", "key_file = \"k\"\n[trust]", "mqtt", "only one"},
		{"prefix wildcard", "[trust]", "prefix = \"a/+\"\n[trust]", "mqtt.prefix", "wildcard"},
		{"prefix slash", "[trust]", "prefix = \"a/\"\n[trust]", "mqtt.prefix", "empty topic level"},
		{"username empty", "[trust]", "username = \"\"\n[trust]", "mqtt.username", "empty"},
		{"keepalive fraction", "[trust]", "keepalive = \"1500ms\"\n[trust]", "mqtt.keepalive", "whole seconds"},
		{"update source", "[trust]", "[update]\nsource = \"ftp://x\"\n[trust]", "update.source", "neither"},
		{"update password", "[trust]", "[update]\nsource = \"https://a:b@x\"\n[trust]", "update.source", "password"},
		{"update deadline", "[trust]", "[update]\nhold = \"60s\"\ndeadline = \"30s\"\n[trust]", "update.deadline", "not longer"},
		{"down_qos", "[trust]", "down_qos = 2\n[trust]", "mqtt.down_qos", "out of range"},
		{"keys_file missing", "keys_file = \"/nowhere/trust.json\"\n", "", "trust.keys_file", "missing"},

		{"pulse above the ceiling", `"300ms"`, `"1001ms"`, "open.pulse", "out of range"},
		{"pulse without unit", `"300ms"`, `"300"`, "open.pulse", "no duration"},
		{"pulse negative", `"300ms"`, `"-300ms"`, "open.pulse", "out of range"},
		{"pulse number", `"300ms"`, `300`, "open.pulse", "whole number"},
		{"prove before pulse", `"300ms"`, "\"300ms\"\nprove = \"200ms\"", "open.prove", "not longer than pulse"},
		{"alarm before warning", `"300ms"`, "\"300ms\"\najar_alarm = \"10s\"", "open.ajar_alarm", "not longer than ajar_warn"},
		{"no tries", `"300ms"`, "\"300ms\"\ntries = 0", "open.tries", "out of range"},
		{"journal too small", "[journal]", "[journal]\nbytes = 10", "journal.bytes", "out of range"},
		{"socket too long", "[control]", "[control]\nsocket = \"/" + strings.Repeat("s", 107) + `"`, "control.socket", "108 bytes"},
		{"listen", "[time]", "[kiosk]\nlisten = \"localhost\"\n[time]", "kiosk.listen", "no address"},
		{"listen port", "[time]", "[metrics]\nlisten = \"localhost:http\"\n[time]", "metrics.listen", "port number"},
		{"listen missing", "[time]", "[metrics]\n[time]", "metrics.listen", "missing"},
		{"listen twice", "[time]", "[metrics]\nlisten = \":1\"\n[kiosk]\nlisten = \":1\"\n[time]", "metrics.listen", "already"},

		{"bus name missing", "name = \"s\"\n", "", "bus[1].name", "missing"},
		{"bus name twice", `name = "s"`, `name = "a"`, "bus[1].name", "already"},
		{"driver missing", "driver = \"xor8a\"\n", "", "bus[0].driver", "missing"},
		{"driver of none", `driver = "xor8a"`, `driver = "rs232"`, "bus[0].driver", "built in: xor8a, cu16, cu48, "},
		{"driver unknown", `driver = "xor8a"`, `driver = "kerong"`, "bus[0].driver", "no driver"},
		{"port missing", "port = \"/dev/ttyUSB0\"\n", "", "bus[0].port", "missing"},
		{"port of sim", `driver = "sim"`, "driver = \"sim\"\nport = \"/dev/x\"", "bus[1].port", "does not belong to driver sim"},
		{"rs485 of sim", `driver = "sim"`, "driver = \"sim\"\nrs485 = true", "bus[1].rs485", "a simulated line has no direction"},
		{"rs485 text", `name = "a"`, "name = \"a\"\nrs485 = \"on\"", "bus[0].rs485", "write true or false"},
		{"port twice", "/dev/ttyACM0", "/dev/../dev/ttyUSB0", "scanner[0].port", "bus[0] already"},
		{"baud", `name = "a"`, "name = \"a\"\nbaud = 9601", "bus[0].baud", "no usual rate"},
		{"baud zero", `name = "a"`, "name = \"a\"\nbaud = 0", "bus[0].baud", "no usual rate"},
		{"baud huge", `name = "a"`, "name = \"a\"\nbaud = 9999999999", "bus[0].baud", "out of range"},
		{"coils", `name = "a"`, "name = \"a\"\ncoils = 17", "bus[0].coils", "out of range"},
		{"profile of another driver", "family = \"cu48\" # played", "family = \"cu48\"\nbyte_order = \"low-first\"", "bus[1].profile.byte_order", "does not belong to driver sim playing cu48"},
		{"profile of sim", "[bus.profile]\n[[bus]]", "[bus.profile]\nshut_after = \"3s\"\n[[bus]]", "bus[0].profile.shut_after", "driver sim"},
		{"profile unknown", "[bus.profile]\n[[bus]]", "[bus.profile]\nparity = 1\n[[bus]]", "bus[0].profile.parity", "not a known key"},
		{"profile word", "[bus.profile]\n[[bus]]", "[bus.profile]\nbyte_order = \"low\"\n[[bus]]", "bus[0].profile.byte_order", `use "high-first" or "low-first"`},
		{"profile family", `"cu48" # played`, `"kerong"`, "bus[1].profile.family", "none of the values"},
		{"profile person", `"cu48" # played`, "\"cu48\"\nperson = \"maybe\"", "bus[1].profile.person", "none of the values"},

		{"locker number", "number = 2", "number = 7", "locker[1].number", "out of range"},
		{"locker twice", "number = 2", "number = 1", "locker[1].number", "already"},
		{"locker bus", `bus = "s"`, `bus = "x"`, "locker[1].bus", "no [[bus]]"},
		{"size missing", "size = \"S\"\n", "", "locker[1].size", "missing"},
		{"size", `size = "S"`, `size = "s"`, "locker[1].size", "no size"},
		{"doors", "doors = 20", "doors = 35", "locker[0].doors", "out of range"},
		{"boards missing", "boards = [ { address = 0, channels = 8, first_door = 1 } ]\n", "", "locker[1].boards", "missing"},
		{"boards empty", "[ { address = 0, channels = 8, first_door = 1 } ]", "[]", "locker[1].boards", "8 doors, 2-01 to 2-08"},
		{"board no table", "[ { address = 0, channels = 8, first_door = 1 } ]", "[1]", "locker[1].boards[0]", "whole number"},
		{"too few channels", "channels = 20", "channels = 18", "locker[0].boards", "no channel for 1-19, 1-20"},
		{"too many channels", "channels = 20", "channels = 51", "locker[0].boards[0].channels", "out of range for xor8a boards"},
		{"board key missing", ", first_door = 1 } ]\n[[locker]]", " } ]\n[[locker]]", "locker[0].boards[0].first_door", "missing"},
		{"board key unknown", "channels = 20", "channels = 20, relay = 1", "locker[0].boards[0].relay", "not a known key"},
		{"address of the family", "address = 1,", "address = 32,", "locker[0].boards[0].address", "use a number from 1 to 31"},
		{"address of the family played", "address = 0", "address = 16", "locker[1].boards[0].address", "out of range for cu48 boards"},
		{"address that means all", "address = 0", "address = 10", "locker[1].boards[0].address", "all boards"},
		{"bus without doors", "[[locker]]", "[[bus]]\nname = \"b\"\ndriver = \"sim\"\n[[locker]]", "bus[2]", "carries no door"},
		{"address twice", "channels = 20, first_door = 1 }", "channels = 10, first_door = 1 }, { address = 1, channels = 10, first_door = 11 }", "locker[0].boards[1].address", "already"},
		{"door with two channels", "channels = 20, first_door = 1 }", "channels = 20, first_door = 1 }, { address = 2, channels = 1, first_door = 20 }", "locker[0].boards[1]", "1-20 a second channel"},
		{"first_door above", "channels = 20, first_door = 1 }", "channels = 20, first_door = 1 }, { address = 2, channels = 1, first_door = 21 }", "locker[0].boards[1].first_door", "out of range"},

		{"door id missing", "id = \"1-07\"\n", "", "door[0].id", "missing"},
		{"door id form", "1-07", "1-7", "door[0].id", "no door"},
		{"door not there", "1-07", "1-21", "door[0].id", "not in this bank"},
		{"door twice", "[[scanner]]", "[[door]]\nid = \"1-07\"\n[[scanner]]", "door[1].id", "already"},
		{"door tenant", `id = "1-07"`, "id = \"1-07\"\ntenant = \"local\"", "door[0].tenant", "kept for codes"},
		{"door tenant form", `id = "1-07"`, "id = \"1-07\"\ntenant = \"*\"", "door[0].tenant", "no name of a tenant"},
		{"door use", `id = "1-07"`, "id = \"1-07\"\nuse = \"return\"", "door[0].use", `use "any", "stock" or "returns"`},
		{"door of a gpio bus", `id = "1-07"`, "id = \"1-07\"\nrelay = \"GPIO17\"", "door[0].relay", "gpio bus"},

		{"lock_channel not on the board", `id = "1-07"`, "id = \"1-07\"\nlock_channel = 21", "door[0].lock_channel", "from 1 to 20"},
		{"feedback_channel not on the board", `id = "1-07"`, "id = \"1-07\"\nfeedback_channel = 0", "door[0].feedback_channel", "out of range"},
		{"two doors on one lock", `id = "1-07"`, "id = \"1-07\"\nlock_channel = 8", "door[0].lock_channel", "both door 1-07 and door 1-08"},
		{"two doors on one switch", `id = "1-07"`, "id = \"1-07\"\nfeedback_channel = 2", "door[0].feedback_channel", "both door 1-07 and door 1-02"},

		{"scanner unknown", `driver = "serial"`, `driver = "wiegand"`, "scanner[0].driver", "built in: serial, hid, camera"},
		{"baud of a camera", `driver = "serial"`, "driver = \"camera\"\nbaud = 9600", "scanner[0].baud", "key of driver serial"},
		{"width of a serial scanner", `driver = "serial"`, "driver = \"serial\"\nwidth = 640", "scanner[0].width", "key of driver camera"},
		{"frames too wide", `driver = "serial"`, "driver = \"camera\"\nwidth = 4096", "scanner[0].width", "out of range"},
		{"no frames", `driver = "serial"`, "driver = \"camera\"\nfps = 0", "scanner[0].fps", "out of range"},
		{"scanner key of another driver", `driver = "serial"`, "driver = \"hid\"\nbaud = 9600", "scanner[0].baud", "key of driver serial"},
		{"scanner module", `name = "front"`, "name = \"front\"\nmodule = \"gm67\"", "scanner[0].module", `"gm65", "ssi"`},
		{"scanner module of hid", `driver = "serial"`, "driver = \"hid\"\nmodule = \"gm65\"", "scanner[0].module", "key of driver serial"},
		{"scanner trigger", `name = "front"`, "name = \"front\"\nmodule = \"gm65\"\ntrigger = \"button\"", "scanner[0].trigger", `"presence"`},
		{"scanner trigger without module", `name = "front"`, "name = \"front\"\ntrigger = \"host\"", "scanner[0].trigger", "not named"},
		{"scanner module's suffix", `name = "front"`, "name = \"front\"\nmodule = \"ssi\"\nsuffix = \"\\t\"", "scanner[0].suffix", "module ssi"},
		{"scanner module and no suffix", `name = "front"`, "name = \"front\"\nmodule = \"newland\"\nsuffix = \"\"", "scanner[0].suffix", "module newland"},
		{"scanner layout of serial", `name = "front"`, "name = \"front\"\nlayout = \"us\"", "scanner[0].layout", "key of driver hid"},
		{"scanner layout", `driver = "serial"`, "driver = \"hid\"\nlayout = \"fi\"", "scanner[0].layout", `"de", "es", "fr"`},
		{"scanner port missing", "port = \"/dev/ttyACM0\"\n", "", "scanner[0].port", "missing"},
		{"scanner suffix", `name = "front"`, "name = \"front\"\nsuffix = \"\\r\\n\"", "scanner[0].suffix", `write "\r"`},
		{"scanner suffix other", `name = "front"`, "name = \"front\"\nsuffix = \";\"", "scanner[0].suffix", "no suffix"},
		{"scanner name twice", "[[scanner]]", "[[scanner]]\nname = \"front\"\ndriver = \"serial\"\nport = \"/dev/x\"\n[[scanner]]", "scanner[1].name", "already"},
		{"scanner name", `"front"`, `"front door"`, "scanner[0].name", "no name"},

		{"key twice", `name = "a"`, "name = \"a\"\nname = \"b\"", "bus[0].name", "second time"},
		{"value unreadable", "doors = 20", "doors = 020", "locker[0].doors", "cannot be read"},
		{"trailing data", "port = \"/dev/ttyACM0\"\n", "port = \"/dev/ttyACM0\"\n}\n", "", "cannot be read"},
		{"trailing text", "port = \"/dev/ttyACM0\"\n", "port = \"/dev/ttyACM0\" and more\n", "scanner[0].port", "cannot be read"},
		{"NUL", "/var/lib/lockerd", `/var/\u0000`, "data_dir", "NUL"},
		{"text too long", `"300ms"`, `"` + strings.Repeat("3", 2000) + `"`, "open.pulse", "no duration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(base, c.old, c.new, 1)
			if text == base {
				t.Fatalf("nothing was spoilt: %q is not in base", c.old)
			}
			_, err := Parse([]byte(text), "x")
			var ps Problems
			if !errors.As(err, &ps) {
				t.Fatalf("accepted, want %s: %s", c.key, c.what)
			}
			if len(ps) != 1 {
				t.Fatalf("want one problem, got %v", ps)
			}
			if ps[0].Key != c.key || !strings.Contains(ps[0].String(), c.what) {
				t.Errorf("got %s, want %s: ...%s...", ps[0], c.key, c.what)
			}
			if ps[0].Cure == "" {
				t.Errorf("%s has no cure", ps[0])
			}
			if strings.Contains(ps[0].String(), "secret") {
				t.Errorf("shows the password: %s", ps[0])
			}
		})
	}
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		name, text, path string
		want             int
	}{
		{"top", "a = 1\nb = 2", "b", 2},
		{"table", "[x]\na = 1", "x.a", 2},
		{"missing key has its table's line", "[x]\na = 1", "x.b", 1},
		{"second of a list", "[[x]]\na = 1\n[[x]]\na = 2", "x[1].a", 4},
		{"table below a list", "[[x]]\n[[x]]\n[x.y]\na = 2", "x[1].y.a", 4},
		{"list below a list", "[[x]]\n[[x.y]]\n[[x.y]]\na = 2", "x[0].y[1].a", 4},
		{"inline tables", "a = [\n {b=1},\n # {\n {b=2} ]\nc=3", "a[1].b", 4},
		{"after inline tables", "a = [\n {b=1},\n {b=2} ]\nc=3", "c", 4},
		{"brackets in a text", "a = \"[{\\\"\"\nb = 1", "b", 2},
		{"header in a long text", "a = \"\"\"\n[x]\nb = 1\n\"\"\"\nb = 2", "b", 5},
		{"literal", "a = '\\'\nb = 2", "b", 2},
		{"quoted and dotted", "\"a\".b = 1", "a.b", 1},
		{"nothing there", "# only this", "a", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := indexLines(c.text).of(c.path); got != c.want {
				t.Errorf("line %d, want %d", got, c.want)
			}
		})
	}
}

func TestBusOfNoDriver(t *testing.T) {
	text := strings.Replace(base, `driver = "xor8a"`, `driver = "rs232"`, 1)
	text = strings.Replace(text, "port = \"/dev/ttyUSB0\"\n", "", 1)
	text = strings.Replace(text, "boards = [ { address = 1, channels = 20, first_door = 1 } ]\n", "", 1)
	_, err := Parse([]byte(text), "x")
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != 1 || ps[0].Key != "bus[0].driver" {
		t.Errorf("only the driver is wrong, but: %v", err)
	}
}

func TestTooLong(t *testing.T) {
	_, err := Parse(make([]byte, maxFileBytes+1), "x")
	if err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("got %v", err)
	}
}

func TestManyUnreadableLines(t *testing.T) {
	text := "version = 1\n" + strings.Repeat("bank = =\n", 3*maxSyntaxLines)
	_, err := Parse([]byte(text), "x")
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != maxSyntaxLines {
		t.Errorf("want %d problems, got %v", maxSyntaxLines, err)
	}
}

func TestProfileAsText(t *testing.T) {
	text := strings.Replace(base, `"cu48" # played`, "\"cu48\"\nperson = false\nbaud_pacing = \"on\"\nshut_after = \"1m30s\"\nlock_byte = 1\nclosed_bit = 0", 1)
	c, err := Parse([]byte(text), "x")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"family": "cu48", "person": "off", "baud_pacing": "on", "shut_after": "1m30s", "lock_byte": "1", "closed_bit": "0"}
	got := c.HAL(c.Buses[1]).Profile
	if len(got) != len(want) {
		t.Errorf("got %v", got)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %q, want %q", k, got[k], v)
		}
	}
}

func TestWarnings(t *testing.T) {
	full, err := os.ReadFile(configs + "minimal.toml")
	if err != nil {
		t.Fatal(err)
	}
	minimal := string(full)
	for _, c := range []struct{ name, old, new, want string }{
		{"no scanner", "", "", "scanner"},
		{"time file", "[[bus]]", "[time]\nfile = \"now\"\n[[bus]]", "time.file"},
		{"mqtt without trust", "[[bus]]", "[mqtt]\nurl = \"mqtt://b\"\n[[bus]]", "trust"},
		{"number of the camera", "[[bus]]", "[[scanner]]\nname = \"f\"\ndriver = \"camera\"\nport = \"/dev/video0\"\n[[bus]]", "scanner[0].port"},
		{"hid, number of the event device", "[[bus]]", "[[scanner]]\nname = \"f\"\ndriver = \"hid\"\nport = \"/dev/input/event3\"\n[[bus]]", "scanner[0].port"},
		{"identity in the clear", "[[bus]]", "[mqtt]\nurl = \"mqtt://b\"\n[identity]\n[[bus]]", "mqtt.url"},
		{"kiosk", "[[bus]]", "[kiosk]\nlisten = \":1\"\n[[bus]]", "kiosk"},
		{"metrics for all", "[[bus]]", "[metrics]\nlisten = \":1\"\n[[bus]]", "metrics.listen"},
		{"metrics by IPv6", "[[bus]]", "[metrics]\nlisten = \"[::]:1\"\n[[bus]]", "metrics.listen"},
		{"relative", "/var/lib/lockerd", "data", "data_dir"},
		{"spare channels", "channels = 4", "channels = 24", "locker[0].boards[0]"},
		{"own pulse, shorter", "[[locker]]", "[open]\npulse = \"200ms\"\n[[locker]]", "open.pulse"},
		{"own pulse, longer", "[[locker]]", "profile = {family = \"cu48\"}\n[open]\npulse = \"400ms\"\n[[locker]]", "open.pulse"},
		{"whole seconds", "[[locker]]", "profile = {long_pulse = 1}\n[open]\npulse = \"400ms\"\n[[locker]]", "open.pulse"},
		{"own pulse, xor8a", "[[locker]]", "[open]\npulse = \"500ms\"\n[[locker]]", "open.pulse"},
		{"only pulse", "[[locker]]", "profile = {family = \"eletechsup\", long_pulse = 1}\n[[locker]]", "open.pulse"},
		{"rounded pulse", "[[locker]]", "profile = {family = \"waveshare\"}\n[open]\npulse = \"250ms\"\n[[locker]]", "open.pulse"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, err := Parse([]byte(strings.Replace(minimal, c.old, c.new, 1)), "x")
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			for _, w := range cfg.Warnings() {
				if w.Key != "scanner" || c.want == "scanner" {
					keys = append(keys, w.Key)
				}
			}
			if len(keys) != 1 || keys[0] != c.want {
				t.Errorf("warned of %q, want %q", keys, c.want)
			}
		})
	}
}

func TestTooManyBoards(t *testing.T) {
	var b strings.Builder
	b.WriteString("version = 1\nbank = \"b\"\ndata_dir = \"/d\"\n[[bus]]\nname = \"w\"\ndriver = \"waveshare\"\nport = \"/dev/x\"\n")
	for locker := range 2 {
		fmt.Fprintf(&b, "[[locker]]\nnumber = %d\nbus = \"w\"\nsize = \"M\"\ndoors = 34\n", locker+1)
		for door := range 34 {
			fmt.Fprintf(&b, "[[locker.boards]]\naddress = %d\nchannels = 1\nfirst_door = %d\n", locker*100+door+1, door+1)
		}
	}
	_, err := Parse([]byte(b.String()), "x")
	if err == nil || !strings.Contains(err.Error(), "1 problem") || !strings.Contains(err.Error(), "68 boards") {
		t.Errorf("got %v", err)
	}
}

// linesOf writes a bank of lockers on one bus, each with boards of so many
// channels, addressed on through all lockers.
func linesOf(driver, profile string, first, boards, channels, doors, lockers int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version = 1\nbank = \"b\"\ndata_dir = \"/d\"\n[[bus]]\nname = \"w\"\ndriver = %q\nport = \"/dev/x\"\n%s\n", driver, profile)
	for locker := range lockers {
		fmt.Fprintf(&b, "[[locker]]\nnumber = %d\nbus = \"w\"\nsize = \"M\"\ndoors = %d\n", locker+1, doors)
		for i := range boards {
			fmt.Fprintf(&b, "[[locker.boards]]\naddress = %d\nchannels = %d\nfirst_door = %d\n", first+locker*boards+i, min(channels, doors-i*channels), 1+i*channels)
		}
	}
	return b.String()
}

// TestCapacity holds buses that can't tell their boards apart to be refused,
// with the way out, and those that just can not to be.
func TestCapacity(t *testing.T) {
	for _, c := range []struct {
		name, driver, profile                   string
		first, boards, channels, doors, lockers int
		want                                    string // "": taken
	}{
		{"cu16, five lockers", "cu16", "", 0, 3, 16, 34, 5, ""},
		{"cu16, six lockers", "cu16", "", 0, 3, 16, 34, 6, "carries 18 boards, and cu16 boards have 15 addresses on one line; put some lockers on another bus"},
		{"cu16, a sixth without boards to be had", "cu16", "", 0, 15, 2, 34, 1, "cu16 boards have 15 addresses on one line and all are taken: put some lockers"},
		{"dc, six lockers", "dc", "", 1, 3, 12, 34, 6, "carries 18 boards, and dc boards have 15 addresses on one line; put some lockers on another bus"},
		{"dc, five lockers", "dc", "", 1, 3, 12, 34, 5, ""},
		{"dc, six lockers of 24-way boards", "dc", "profile = { ways = 24 }", 1, 2, 24, 34, 6, ""},
		{"dc, ways", "dc", "profile = { ways = 18 }", 1, 3, 12, 34, 5, "bus[0].profile.ways = 18: is none of the values it can have; use 12 or 24"},
		{"dc, a wide board on a narrow bus", "dc", "", 1, 2, 24, 34, 5, "channels = 24: is out of range for dc boards; use a number from 1 to 12"},
		{"eletechsup, its pulse not allowed", "eletechsup", "", 1, 5, 8, 34, 6, `bus[0]: pulses for a fixed 1s, and open.pulse is 300ms; if every lock of the bus takes that, write long_pulse = 1`},
		{"eletechsup, six lockers", "eletechsup", "profile = { long_pulse = 1 }", 1, 5, 8, 34, 6, ""},
		{"eletechsup, its pulse asked for", "eletechsup", "[open]\npulse = \"1s\"", 1, 5, 8, 34, 6, ""},
		{"wkly, six lockers", "wkly", "", 0, 2, 24, 34, 6, ""},
		{"winnsen, six lockers", "winnsen", "", 1, 3, 16, 34, 6, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(linesOf(c.driver, c.profile, c.first, c.boards, c.channels, c.doors, c.lockers)), "x")
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
