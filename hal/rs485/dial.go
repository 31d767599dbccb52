package rs485

// Dial opens the serial port of that name as a bus would, for programs that
// speak to boards while no bus does: it fails where another program, lockerd
// among them, holds the port.
func Dial(name string, baud int) (Port, error) { return openTTY(name, baud, false) }

// DialTurning is Dial for a port whose driver is to switch the direction of the
// line (hal.Config.RS485).
func DialTurning(name string, baud int) (Port, error) { return openTTY(name, baud, true) }
