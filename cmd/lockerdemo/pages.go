package main

import (
	"fmt"
	"strings"

	"lockerd/cmd/lockerctl/ui"
)

// page draws over the bank until Enter.
type page func(l *live, c *canvas)

// qrColumn is where a QR of 29 columns stands on the smallest screen.
const qrColumn = minWidth - 29

const introText = `This is a locker bank: two cabinets of
lock boards, a barcode scanner, and the
lockerd that runs them in the field.
Only iron and hands are simulated.

A person gets a code (the QR is code 1)
and holds it before the scanner: a door
springs open, somebody shuts it. Play
  1    who fetches what is in 1-07
  2    a phone: its stock is low then
  4    the supplier, who puts in two
  6    who swaps a broken phone
  7    the repairer, who takes it out
stock and report show what has changed.
Also: jam 2-03   force 1-05   unplug 2
      qr 4   labels off   help`

const helpText = `1 2 3 ...       scan that code; or type, paste or scan any text, or a label
jam D, free D   the latch of door D is stuck (1-01 to 1-34, 2-01 to 2-12);
                it is mended, and an engineer puts the door in service
force D, shut D somebody breaks door D open; somebody shuts it
hold on, off    people leave doors open (ajar after 10 s, alarm after 30 s),
                or shut them
labels on, off  who puts something in scans its label, or leaves it out
unplug, plug [1|2|scanner|network]
                pull a cable: of a locker's boards (default 1), scanner, broker;
                put it back (default: all)
new [WHAT]      issue a code: deliver, return, swap, clear, a sku, or a door's
qr N, revoke N  show the QR of code N, to print or photograph; end it for ever
stock, report, verify: what lockerctl says
quit            or Ctrl-C

The same text within 1.5 s is one scan: a code held before the glass.
A used code reopens its door for 10 s after that was shut; no item moves then.`

func introPage(l *live, c *canvas) {
	c.bar(0, title, ' ')
	c.put(1, 0, title, "lockerd demo")
	paragraph(c, 1, 2, introText)
	paper(c, qrColumn, 2, l.codes.list[0])
	c.put(qrColumn, 17, plain, "    code 1")
	c.put(1, 19, faint, "From another terminal (make build puts lockerctl into .bin):")
	c.put(1, 20, faint, ".bin/lockerctl --socket "+l.socket+" status")
	c.put(1, 21, faint, fmt.Sprintf("mosquitto_sub -h 127.0.0.1 -p %s -t 'lockers/v1/+/#' -v", l.fleet.port()))
	c.put(0, c.h-1, bold, "Enter begins. Ctrl-C leaves.")
}

func helpPage(l *live, c *canvas) {
	c.bar(0, title, ' ')
	c.put(1, 0, title, "What can be typed")
	paragraph(c, 0, 2, helpText)
	c.put(0, c.h-4, faint, "log: "+l.logFile())
	c.put(0, c.h-1, bold, "Enter goes back to the bank.")
}

// qrPage shows one code, large enough for any scanner or telephone.
func qrPage(k *code) page {
	return func(_ *live, c *canvas) {
		c.bar(0, title, ' ')
		c.put(1, 0, title, fmt.Sprintf("Code %d: %s", k.number, k.words))
		paper(c, 2, 2, k)
		c.put(2, 18, bold, ui.Grouped(k.text))
		c.put(34, 4, plain, "A barcode scanner that types like a keyboard")
		c.put(34, 5, plain, "can read this into the line below.")
		c.put(0, c.h-1, bold, "Enter goes back to the bank.")
	}
}

func paragraph(c *canvas, x, y int, text string) {
	for i, line := range strings.Split(text, "\n") {
		c.put(x, y+i, plain, line)
	}
}

// paper draws a QR black on white.
func paper(c *canvas, x, y int, k *code) {
	for i, line := range k.qr {
		col := x
		for _, r := range line {
			c.set(col, y+i, onPaper, r)
			col++
		}
	}
}
