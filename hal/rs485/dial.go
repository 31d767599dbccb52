package rs485

// Dial opens the serial port of that name as a bus would, for programs that
// speak to boards while no bus does: it fails where another program, lockerd
// among them, holds the port.
func Dial(name string, baud int) (Port, error) { return openTTY(name, baud, false) }
