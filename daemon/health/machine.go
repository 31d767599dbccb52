package health

import (
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Machine is what the kernel tells of the board.
type Machine struct {
	Cards        []Card
	HottestC     float64 // 0: no zone tells
	Undervoltage bool    // now or since the start, where the firmware tells (Raspberry Pi)
}

// Card is one eMMC. SD cards do not tell their wear.
type Card struct {
	Name string
	Life int // tenths of its life that are used, the worse of its two areas: 1 is up to 10 %, 11 is over
	EOL  int // pre_eol_info: 1 normal, 2 80 % of the reserve used, 3 90 %; 0: not told
}

// card leaves out the boot partitions of an eMMC, which are the same chip.
var card = regexp.MustCompile(`^mmcblk[0-9]+$`)

// ReadMachine reads a tree that stands for /sys. What is not there is not told.
func ReadMachine(sys fs.FS) Machine {
	var m Machine
	lives, _ := fs.Glob(sys, "block/mmcblk*/device/life_time") // the pattern is good
	for _, f := range lives {
		dir := path.Dir(f)
		name := path.Base(path.Dir(dir))
		if !card.MatchString(name) {
			continue
		}
		c := Card{Name: name, EOL: hex(text(sys, dir+"/pre_eol_info"))}
		for v := range strings.FieldsSeq(text(sys, f)) { // type A, type B: JESD84-B51, 7.4.39
			c.Life = max(c.Life, hex(v))
		}
		if c.Life > 0 || c.EOL > 0 {
			m.Cards = append(m.Cards, c)
		}
	}
	zones, _ := fs.Glob(sys, "class/thermal/thermal_zone*/temp")
	for _, f := range zones {
		if milli, err := strconv.ParseInt(text(sys, f), 10, 64); err == nil {
			m.HottestC = max(m.HottestC, float64(milli)/1000)
		}
	}
	const underNow, underOnce = 1 << 0, 1 << 16 // get_throttled of the Raspberry Pi's firmware
	m.Undervoltage = hex(text(sys, "devices/platform/soc/soc:firmware/get_throttled"))&(underNow|underOnce) != 0
	return m
}

// text returns a file of one line; "" if it can't be read.
func text(sys fs.FS, name string) string {
	b, err := fs.ReadFile(sys, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// hex reads a number with or without 0x; 0 if it is none.
func hex(s string) int {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 31)
	if err != nil {
		return 0
	}
	return int(n)
}
