package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// writer builds the text of a file. A header stands only above what follows.
type writer struct {
	strings.Builder
	pending string
}

func (w *writer) head(h string) { w.pending = h }

// table writes a header that says something although nothing stands under it.
func (w *writer) table(h string) {
	w.head(h)
	w.WriteString("\n" + w.pending + "\n")
	w.pending = ""
}

// line writes one line, and first the header it stands under.
func (w *writer) line(format string, args ...any) {
	if w.pending != "" {
		w.WriteString("\n" + w.pending + "\n")
		w.pending = ""
	}
	w.WriteString(fmt.Sprintf(format, args...) + "\n")
}

// put writes a key unless it has its default.
func put[T comparable](w *writer, key string, v, def T) {
	if v != def {
		w.line("%s = %s", key, literal(v))
	}
}

func (w *writer) bus(b Bus) {
	f, _ := familyOf(b.Driver, b.Profile["family"])
	def := defaultBus(f)
	w.head("[[bus]]")
	put(w, "name", b.Name, "")
	put(w, "driver", b.Driver, "")
	put(w, "port", b.Port, "")
	put(w, "baud", b.Baud, def.Baud)
	put(w, "rs485", b.RS485, def.RS485)
	put(w, "reply_timeout", b.ReplyTimeout, def.ReplyTimeout)
	put(w, "poll", b.Poll, def.Poll)
	put(w, "coils", b.Coils, def.Coils)
	w.wired("led", "led_active", "", b.Lines.LED)
	w.wired("buzzer", "buzzer_active", "", b.Lines.Buzzer)
	w.wired("tamper", "tamper_closed", "tamper_pull", b.Lines.Tamper)
	w.head("[bus.profile]")
	for _, key := range slices.Sorted(maps.Keys(b.Profile)) {
		i := slices.IndexFunc(f.profile, func(k profileKey) bool { return k.name == key })
		if i >= 0 && f.profile[i].kind == kindNumber {
			w.line("%s = %s", key, b.Profile[key])
		} else {
			w.line("%s = %s", key, literal(b.Profile[key]))
		}
	}
}

func (w *writer) locker(k Locker) {
	w.head("[[locker]]")
	put(w, "number", k.Number, 0)
	put(w, "bus", k.Bus, "")
	put(w, "size", k.Size.String(), "")
	put(w, "doors", k.Doors, 0)
	if len(k.Boards) == 0 { // on a gpio bus
		return
	}
	w.line("boards = [")
	for _, b := range k.Boards {
		w.line("  { address = %d, channels = %d, first_door = %d },", b.Address, b.Channels, b.FirstDoor)
	}
	w.line("]")
}

func (w *writer) door(d, plain Door) {
	plain.ID, plain.Bus, plain.Lock = d.ID, d.Bus, d.Lock
	if d == plain {
		return
	}
	w.head("[[door]]")
	put(w, "id", d.ID.String(), "")
	put(w, "size", d.Size.String(), plain.Size.String())
	put(w, "accessible", d.Accessible, plain.Accessible)
	put(w, "sensor", d.Sensor, plain.Sensor && (d.Lines.Relay.Name == "" || d.Lines.Feedback.Name != ""))
	put(w, "tenant", d.Tenant, plain.Tenant)
	put(w, "use", string(d.Use), string(plain.Use))
	put(w, "lock_channel", d.Wire.Lock, 0)
	put(w, "feedback_channel", d.Wire.Feedback, 0)
	put(w, "feedback_inverted", d.Wire.Inverted, false)
	w.wired("relay", "relay_active", "", d.Lines.Relay)
	w.wired("feedback", "feedback_closed", "feedback_pull", d.Lines.Feedback)
	w.wired("power", "power_active", "", d.Lines.Power)
}

func (w *writer) scanner(s Scanner) {
	def := defaultScanner(s.Driver)
	w.head("[[scanner]]")
	put(w, "name", s.Name, "")
	put(w, "driver", s.Driver, "")
	put(w, "port", s.Port, "")
	put(w, "baud", s.Baud, def.Baud)
	put(w, "module", s.Module, "")
	put(w, "trigger", s.Trigger, "")
	put(w, "layout", s.Layout, def.Layout)
	put(w, "width", s.Width, def.Width)
	put(w, "height", s.Height, def.Height)
	put(w, "fps", s.FPS, def.FPS)
	put(w, "suffix", s.Suffix, def.Suffix)
}

// literal writes a value as TOML.
func literal(v any) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case time.Duration:
		return quote(shortSpan(v))
	default:
		return fmt.Sprint(v)
	}
}

// quote writes a TOML basic string: strconv.Quote has escapes TOML has not.
func quote(s string) string {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\t': `\t`, '\n': `\n`, '\r': `\r`}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch esc, ok := short[r]; {
		case ok:
			b.WriteString(esc)
		case r < 0x20 || r == 0x7F:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}
