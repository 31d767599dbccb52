package config

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
)

// Warnings returns what is legal in a configuration and yet worth a word to the
// person who wrote it. They carry no line.
func (c *Config) Warnings() []Problem {
	var w warnings
	w.unserved(c)
	w.metrics(c.Metrics)
	if c.MQTT != nil && c.Trust == nil {
		w.add("trust", "", "is missing: everything the broker brings is refused, and every ticket", "add [trust] with keys_file")
	}
	if c.Identity != nil && c.MQTT != nil && !strings.HasPrefix(c.MQTT.URL, "mqtts:") && !strings.HasPrefix(c.MQTT.URL, "wss:") {
		w.add("mqtt.url", show(c.MQTT.URL), "is not encrypted: the certificate of [identity] is not shown to that broker", "use mqtts or wss")
	}
	if c.Time.File != "" {
		w.add("time.file", show(c.Time.File), "replaces the system clock, for tests only", "remove it on a real bank")
	}
	if !filepath.IsAbs(c.DataDir) {
		w.add("data_dir", show(c.DataDir), "is taken from the directory lockerd is started in", "write the full path")
	}
	for i, b := range c.Buses {
		w.bus(fmt.Sprintf("bus[%d]", i), c, b)
	}
	for i, k := range c.Lockers {
		w.spare(fmt.Sprintf("locker[%d]", i), k)
	}
	for i, sc := range c.Scanners {
		w.scanner(fmt.Sprintf("scanner[%d]", i), sc)
	}
	if len(c.Scanners) == 0 {
		w.add("scanner", "", "is missing: doors open by lockerctl only", "add a [[scanner]]")
	}
	return w
}

type warnings []Problem

func (w *warnings) add(key, value, what, cure string) {
	*w = append(*w, Problem{Key: key, Value: value, What: what, Cure: cure})
}

// unserved names the sections that are read and kept but not yet acted on.
func (w *warnings) unserved(c *Config) {
	const what, cure = "is read, but this version of lockerd does nothing with it yet", "leave it or remove it"
	if c.Kiosk != nil {
		w.add("kiosk", "", what, cure)
	}
}

// metrics warns of an address that others reach.
func (w *warnings) metrics(m *Metrics) {
	if m == nil {
		return
	}
	host, _, err := net.SplitHostPort(m.Listen)
	if ip := net.ParseIP(host); err != nil || host == "localhost" || ip != nil && ip.IsLoopback() {
		return
	}
	w.add("metrics.listen", show(m.Listen), "is reached from the network, and nobody is asked who they are", "use 127.0.0.1 and a proxy, or let a firewall keep others away")
}

// bus warns of a pulse that its boards can't make.
func (w *warnings) bus(path string, c *Config, b Bus) {
	f, ok := familyOf(b.Driver, b.Profile["family"])
	f = f.as(b.Profile)
	switch pulse := c.Open.Pulse; {
	case !ok:
	case f.onlyPulse > 0 && pulse != f.onlyPulse:
		w.add("open.pulse", show(shortSpan(pulse)), fmt.Sprintf("becomes %s on %s boards (%s), which know no other", shortSpan(f.onlyPulse), f.name, path), "be sure that every lock of the bus takes it")
	case f.longPulse != "" && b.Profile[f.longPulse] == "1" && pulse > f.ownPulse:
		w.add("open.pulse", show(shortSpan(pulse)), fmt.Sprintf("becomes 1s on %s boards (%s), which count in seconds", f.name, path), "use 1s, or at most "+shortSpan(f.ownPulse))
	case f.ownPulse > 0 && pulse != f.ownPulse:
		w.add("open.pulse", show(shortSpan(pulse)), fmt.Sprintf("may not reach %s boards (%s): they time the pulse themselves", f.name, path), "set the pulse on the board")
	case f.pulseStep > 0 && pulse%f.pulseStep != 0:
		made := pulse - pulse%f.pulseStep + f.pulseStep
		w.add("open.pulse", show(shortSpan(pulse)), fmt.Sprintf("becomes %s on %s boards (%s)", shortSpan(made), f.name, path), "use a multiple of "+shortSpan(f.pulseStep))
	}
}

// spare warns of channels without door, often a slip in doors or channels.
func (w *warnings) spare(path string, k Locker) {
	for i, b := range k.Boards {
		if over := b.FirstDoor + b.Channels - 1 - k.Doors; over > 0 {
			w.add(fmt.Sprintf("%s.boards[%d]", path, i), "", fmt.Sprintf("has %d channels without a door", over), "correct doors or channels if that is a slip")
		}
	}
}

// scanner warns of a keyboard that is found again under another name.
func (w *warnings) scanner(path string, sc Scanner) {
	if sc.Driver == "hid" && strings.HasPrefix(sc.Port, "/dev/input/event") {
		w.add(path+".port", show(sc.Port), "changes with the order of plugging", "use its name below /dev/input/by-id, ending in -event-kbd")
	}
	if sc.Driver == "camera" && strings.HasPrefix(sc.Port, "/dev/video") {
		w.add(path+".port", show(sc.Port), "changes with the order of plugging", "use its name below /dev/v4l/by-id, ending in -video-index0")
	}
}
