package gpio

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/warthog618/go-gpiocdev"
	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/gpio"
)

// consumer is whom the kernel names as the owner of our lines: gpioinfo.
const consumer = "lockerd"

// kernel gives the lines of the kernel's GPIO chips. A line is named as its chip
// names it, "GPIO17", or by chip and number, "gpiochip0/17".
type kernel struct{}

var _ Lines = kernel{}

// Output implements Lines: the request itself carries the level.
func (kernel) Output(name string, at gpio.Level) (Output, error) {
	l, err := request(name, gpiocdev.AsOutput(value(at)))
	if err != nil {
		return nil, err
	}
	return cdevLine{l}, nil
}

// Input implements Lines.
func (kernel) Input(name string, bias Bias, changed func()) (Input, error) {
	options := []gpiocdev.LineReqOption{
		gpiocdev.AsInput, gpiocdev.WithBothEdges, gpiocdev.WithEventHandler(func(gpiocdev.LineEvent) { changed() }),
	}
	switch bias {
	case PullUp:
		options = append(options, gpiocdev.WithPullUp)
	case PullDown:
		options = append(options, gpiocdev.WithPullDown)
	case NoPull:
		options = append(options, gpiocdev.WithBiasDisabled)
	case AsIs:
	}
	l, err := request(name, options...)
	if err != nil {
		return nil, err
	}
	return cdevLine{l}, nil
}

func request(name string, options ...gpiocdev.LineReqOption) (*gpiocdev.Line, error) {
	chip, offset, err := find(name)
	if err != nil {
		return nil, fmt.Errorf("cannot find line %q: %s", name, err.Error())
	}
	l, err := gpiocdev.RequestLine(chip, offset, append(options, gpiocdev.WithConsumer(consumer))...)
	if err != nil {
		return nil, fmt.Errorf("cannot request line %q: %s", name, reason(err))
	}
	return l, nil
}

// find returns where a line is.
func find(name string) (chip string, offset int, err error) {
	chip, number, ok := strings.Cut(name, "/")
	if ok {
		offset, err = strconv.Atoi(number)
		return chip, offset, err
	}
	chip, offset, err = gpiocdev.FindLine(name)
	if errors.Is(err, gpiocdev.ErrNotFound) {
		return "", 0, errors.New("no chip has a line of this name: gpioinfo lists them, or name it by chip and number, as gpiochip0/17")
	}
	return chip, offset, err
}

// reason puts the usual faults into words.
func reason(err error) string {
	switch {
	case errors.Is(err, unix.EBUSY):
		return "another driver or program has it: gpioinfo says who"
	case errors.Is(err, unix.EACCES):
		return "permission denied: let the user of lockerd into group gpio"
	}
	return err.Error()
}

func value(l gpio.Level) int {
	if l == gpio.High {
		return 1
	}
	return 0
}

// cdevLine is a requested line.
type cdevLine struct{ line *gpiocdev.Line }

// Out implements Output.
func (c cdevLine) Out(l gpio.Level) error { return c.line.SetValue(value(l)) }

// Read implements Input.
func (c cdevLine) Read() (gpio.Level, error) {
	v, err := c.line.Value()
	return v != 0, err
}

// Halt implements Output and Input.
func (c cdevLine) Halt() error { return c.line.Close() }
