package config

import (
	"fmt"
	"path/filepath"
)

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
	sc := defaultScanner()
	sc.Name = s.text("name", "", checkName)
	sc.Driver = s.driver(builtinScanners, plannedScanners)
	if sc.Driver != "" {
		s.require("port")
	}
	sc.Port = s.text("port", "", checkPath)
	sc.Baud = s.baud(sc.Baud)
	sc.Suffix = s.text("suffix", sc.Suffix, checkSuffix)
	if sc.Driver != "" || !s.has("driver") {
		s.done(nil)
	}
	return sc
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
