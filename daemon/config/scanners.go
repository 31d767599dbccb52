package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"lockerd/scanner/hid"
	"lockerd/scanner/serial/module"
)

// scannerOwners tells which drivers have a key that not all have.
func scannerOwners() map[string][]string {
	return map[string][]string{
		"baud":    {"serial"},
		"module":  {"serial"},
		"trigger": {"serial"},
		"layout":  {"hid"},
		"width":   {"camera"},
		"height":  {"camera"},
		"fps":     {"camera"},
	}
}

// belongs refuses a key that the driver of a scanner does not have. A driver
// that was refused itself may have any.
func (s *section) belongs(key, driver string) bool {
	owners := scannerOwners()[key]
	if driver == "" || slices.Contains(owners, driver) {
		return true
	}
	s.known[key] = true
	if s.has(key) {
		s.bad(key, "does not belong to driver "+driver, "remove it: it is a key of driver "+strings.Join(owners, ", "))
	}
	return false
}

// scanners reads [[scanner]].
func (s *section) scanners() []Scanner {
	var all []Scanner
	names := map[string]string{}
	for _, t := range s.list("scanner") {
		sc := t.scanner()
		if first := names[sc.Name]; first != "" {
			t.bad("name", "names "+first+" already", "give each scanner a name of its own")
		} else if sc.Name != "" {
			names[sc.Name] = t.path
		}
		all = append(all, sc)
	}
	return all
}

// scanner reads one scanner.
func (s *section) scanner() Scanner {
	s.require("name", "driver")
	name := s.text("name", "", checkName)
	driver := s.driver(builtinScanners)
	sc := defaultScanner(driver)
	sc.Name, sc.Driver = name, driver
	if sc.Driver != "" {
		s.require("port")
	}
	sc.Port = s.text("port", "", checkPath)
	if s.belongs("baud", driver) {
		sc.Baud = s.baud(sc.Baud)
	}
	if s.belongs("layout", driver) {
		sc.Layout = s.choice("layout", sc.Layout, hid.Layouts()...)
	}
	s.camera(&sc)
	sc.Suffix = s.text("suffix", sc.Suffix, checkSuffix)
	s.module(&sc)
	if sc.Driver != "" || !s.has("driver") {
		s.done(nil)
	}
	return sc
}

// module reads what a scanner's module is and does.
func (s *section) module(sc *Scanner) {
	if !s.belongs("module", sc.Driver) || !s.belongs("trigger", sc.Driver) {
		return
	}
	sc.Module = s.choice("module", "", module.Names()...)
	trigger := s.choice("trigger", module.Triggers()[0], module.Triggers()...)
	switch {
	case sc.Module != "":
		sc.Trigger = trigger
	case s.has("trigger") && !s.has("module"):
		s.bad("trigger", "can't be set in a module that is not named", "add module = "+orList(module.Names())+", or remove it and set the scanner by its barcodes")
	}
	if can := module.Suffixes(sc.Module); sc.Module != "" && !slices.Contains(can, sc.Suffix) && !s.refused(s.at("suffix")) {
		s.add(s.at("suffix"), sc.Suffix, "is not what module "+sc.Module+" can end a scan with", "use "+orList(can))
	}
}

// camera reads the keys of driver camera.
func (s *section) camera(sc *Scanner) {
	for _, k := range []struct {
		key       string
		v         *int
		low, high int64
	}{
		{"width", &sc.Width, minWidth, maxWidth},
		{"height", &sc.Height, minHeight, maxHeight},
		{"fps", &sc.FPS, 1, maxFPS},
	} {
		if s.belongs(k.key, sc.Driver) {
			*k.v = int(s.whole(k.key, int64(*k.v), k.low, k.high))
		}
	}
}

func checkSuffix(v string) (what, cure string) {
	const use = `use "\r", "\n", "\t", or "" for 60 ms of silence`
	switch v {
	case "\r", "\n", "\t", "":
		return "", ""
	case "\r\n":
		return "is not needed", `write "\r": it takes "\r\n" too`
	}
	return "is no suffix of a scanner", use
}

// ports refuses a port that two buses or scanners would fight for.
func (s *section) ports(buses []busFacts, scanners []Scanner) {
	owner := map[string]string{}
	claim := func(path, port string) {
		if port == "" {
			return
		}
		clean := filepath.Clean(port)
		if first, taken := owner[clean]; taken {
			s.add(path+".port", port, "is the port of "+first+" already", "give each its own port")
			return
		}
		owner[clean] = path
	}
	for i, b := range buses {
		claim(fmt.Sprintf("bus[%d]", i), b.Port)
	}
	for i, sc := range scanners {
		claim(fmt.Sprintf("scanner[%d]", i), sc.Port)
	}
}
