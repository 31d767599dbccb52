package gpio

import (
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/host/v3/rpi"
)

// HeaderLine returns the name of the line that a position on the 40-pin header
// of a Raspberry Pi leads to, "GPIO17" for "P1_11" (periph's names and table). Any
// other name is returned as it is.
//
// The table is asked for as the package was linked: periph's drivers are never
// started here, so nothing looks at the hardware.
func HeaderLine(name string) string {
	if pin, ok := header()[name]; ok {
		return pin.Name()
	}
	return name
}

// header has the positions that are GPIO lines; the others are supplies and ground.
func header() map[string]gpio.PinIO {
	return map[string]gpio.PinIO{
		"P1_3": rpi.P1_3, "P1_5": rpi.P1_5, "P1_7": rpi.P1_7, "P1_8": rpi.P1_8, "P1_10": rpi.P1_10,
		"P1_11": rpi.P1_11, "P1_12": rpi.P1_12, "P1_13": rpi.P1_13, "P1_15": rpi.P1_15, "P1_16": rpi.P1_16,
		"P1_18": rpi.P1_18, "P1_19": rpi.P1_19, "P1_21": rpi.P1_21, "P1_22": rpi.P1_22, "P1_23": rpi.P1_23,
		"P1_24": rpi.P1_24, "P1_26": rpi.P1_26, "P1_27": rpi.P1_27, "P1_28": rpi.P1_28, "P1_29": rpi.P1_29,
		"P1_31": rpi.P1_31, "P1_32": rpi.P1_32, "P1_33": rpi.P1_33, "P1_35": rpi.P1_35, "P1_36": rpi.P1_36,
		"P1_37": rpi.P1_37, "P1_38": rpi.P1_38, "P1_40": rpi.P1_40,
	}
}
