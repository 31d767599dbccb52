package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// busFacts is a bus of the file and what is known of its boards.
type busFacts struct {
	Bus
	family family
	usable bool // false: the driver is none of ours, so nothing is known
}

// buses reads [[bus]].
func (s *section) buses() []busFacts {
	var all []busFacts
	names := map[string]string{}
	for _, t := range s.list("bus") {
		b := t.bus()
		if first := names[b.Name]; first != "" {
			t.bad("name", "names "+first+" already", "give each bus a name of its own")
		} else if b.Name != "" {
			names[b.Name] = t.path
		}
		all = append(all, b)
	}
	return all
}

// bus reads one bus.
func (s *section) bus() busFacts {
	s.require("name", "driver")
	b := busFacts{}
	name := s.text("name", "", checkName)
	driver := s.driver(builtinBuses())
	profile := s.sub("profile")
	b.family, b.usable = familyOf(driver, profile.played())

	b.Bus = defaultBus(b.family)
	b.Name, b.Driver = name, driver
	if b.lines() {
		s.gpioBus(&b)
		s.done(nil)
		return b
	}
	b.Port = s.busPort(b)
	b.Baud = s.baud(b.Baud)
	b.RS485 = s.direction(b)
	b.ReplyTimeout = s.span("reply_timeout", b.ReplyTimeout, minReply, maxReply)
	b.Poll = s.span("poll", b.Poll, minPoll, maxPoll)
	b.Coils = int(s.whole("coils", int64(b.Coils), 1, maxCoils))
	if profile != nil && b.usable {
		b.Profile = profile.profile(driver, b.family)
		b.family = b.family.as(b.Profile)
		b.usable = !s.refused(profile.at("family")) // else nothing is known of the boards
	}
	s.done(ownersOf(gpioBusKeys, "a gpio bus"))
	return b
}

// driver reads the driver of a bus or scanner: "" if it is none of ours.
func (s *section) driver(builtin []string) string {
	return s.text("driver", "", func(v string) (string, string) {
		if slices.Contains(builtin, v) {
			return "", ""
		}
		return "is no driver", "built in: " + strings.Join(builtin, ", ")
	})
}

// busPort reads the port, which a simulated bus must not and a real one must
// have.
func (s *section) busPort(b busFacts) string {
	if b.usable && b.family.noPort {
		s.known["port"] = true
		if s.has("port") {
			s.bad("port", "does not belong to driver "+b.Driver, "remove it: this driver makes its own")
		}
		return ""
	}
	if b.usable {
		s.require("port")
	}
	return s.text("port", "", checkPath)
}

// direction reads whether the kernel is to switch the line's direction, which
// only a real line has.
func (s *section) direction(b busFacts) bool {
	on := s.flag("rs485", false)
	if on && b.usable && b.family.noPort {
		s.bad("rs485", "does not belong to driver "+b.Driver, "remove it: a simulated line has no direction")
	}
	return on
}

// baud reads the speed of a line.
func (s *section) baud(def int) int {
	v := int(s.whole("baud", int64(def), 0, 1<<31-1))
	if s.has("baud") && v != def && !slices.Contains(baudRates, v) {
		s.bad("baud", "is no usual rate of a serial line", "use one of "+strings.Trim(fmt.Sprint(baudRates), "[]"))
		return def
	}
	return v
}

// played returns the family that [bus.profile] of a simulated bus names.
func (s *section) played() string {
	if s == nil {
		return ""
	}
	name, _ := s.table["family"].(string)
	if !slices.Contains(familyNames(), name) {
		return "" // profile says so where it reads the key
	}
	return name
}

// profile reads the keys of [bus.profile] that the driver has, as text.
func (s *section) profile(driver string, f family) map[string]string {
	given := map[string]string{}
	for _, k := range f.profile {
		if v, ok := s.profileValue(k); ok {
			given[k.name] = v
		}
	}
	owners := profileOwners()
	if driver == "sim" {
		driver += " playing " + f.name
	}
	for _, key := range sortedKeys(s.table) {
		if owner, ok := owners[key]; ok && !s.known[key] {
			s.known[key] = true
			s.bad(key, "does not belong to driver "+driver, "remove it: it is a key of "+owner)
		}
	}
	s.done(nil)
	if len(given) == 0 {
		return nil
	}
	return given
}

// profileValue reads one profile key as text.
func (s *section) profileValue(k profileKey) (string, bool) {
	s.known[k.name] = true
	if !s.has(k.name) {
		return "", false
	}
	v := ""
	switch k.kind {
	case kindNumber:
		low, _ := strconv.ParseInt(k.of[0], 10, 64)
		high, _ := strconv.ParseInt(k.of[len(k.of)-1], 10, 64)
		v = strconv.FormatInt(s.whole(k.name, low, low, high), 10)
		if !slices.Contains(k.of, v) {
			s.bad(k.name, "is none of the values it can have", "use "+strings.Join(k.of, " or "))
		}
	case kindWord:
		v = s.choice(k.name, k.of[0], k.of...)
	case kindOnOff:
		v = s.onOff(k)
	case kindSpan:
		v = shortSpan(s.span(k.name, time.Second, time.Millisecond, time.Hour))
	}
	return v, true
}

func (s *section) onOff(k profileKey) string {
	if on, ok := s.table[k.name].(bool); ok {
		return map[bool]string{true: "on", false: "off"}[on]
	}
	return s.choice(k.name, k.of[0], k.of...)
}
