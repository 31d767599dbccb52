package gpio

import "periph.io/x/conn/v3/gpio"

// Lines gives lines by their names.
type Lines interface {
	// Output requests a line that is an output at a level from its request on,
	// without having been at the other one.
	Output(name string, at gpio.Level) (Output, error)
	// Input requests a line with a bias. It calls changed at each edge, from any
	// goroutine; changed does not block.
	Input(name string, bias Bias, changed func()) (Input, error)
}

// Output is a line that is driven. Any gpio.PinOut of periph is one.
type Output interface {
	Out(l gpio.Level) error
	// Halt gives the line back. It does not change its level by itself.
	Halt() error
}

// Input is a line that is read.
type Input interface {
	Read() (gpio.Level, error)
	Halt() error
}

// Bias is the resistor that the chip puts on an input, where it can.
type Bias string

// Biases.
const (
	AsIs     Bias = "" // as the chip has it
	PullUp   Bias = "up"
	PullDown Bias = "down"
	NoPull   Bias = "off"
)

// Line is one wired line.
type Line struct {
	Name string // "": not wired
	Low  bool   // the level that means active, or closed, is low
	Bias Bias   // of an input
}

// level returns the level that means a state of the line.
func (l Line) level(active bool) gpio.Level { return gpio.Level(active != l.Low) }
