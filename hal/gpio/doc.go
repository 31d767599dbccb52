// Package gpio drives locks wired to the board's own GPIO lines: a relay for
// each door, beside it a feedback switch and a charging outlet, and for the bank a
// lamp, a buzzer and a tamper switch.
//
// Each door is a board of the bus with an address of its own (1, 2, …) and one
// channel, so that a line that can't be had hides its own door and no other.
//
// No board times a pulse here: this process does. Every pulse has a timer of its
// own that switches the relay off whatever the rest of the process does, not
// later than PulseMax, and again and again until the line obeys. Outputs are off
// from the very request of their line, before each pulse, at Close and after every
// error. A process that is killed in the middle of a pulse leaves the level to the
// kernel's driver of the chip: hal/WIRING.md says what must be wired for that.
//
// Feedback counts once it has been still for the time of debouncing: what is
// reported was read at Begun and had been so for that long.
//
// Lines are periph's: an Output is what a gpio.PinOut is, so that periph's fakes
// and expanders serve. The kernel's lines are requested through go-gpiocdev,
// because periph's own Out asks for an output that is low first, which pulses the
// lock of a relay that is active low.
package gpio
