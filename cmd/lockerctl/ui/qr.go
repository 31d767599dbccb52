package ui

import (
	"fmt"
	"strings"

	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
)

// quiet is the light border a QR needs, in modules (ISO/IEC 18004: four).
const quiet = 4

// Ways to draw a QR.
const (
	QRAuto  = "auto"
	QRANSI  = "ansi"  // black on white by colours: right on any background
	QRDark  = "dark"  // light modules as blocks, for light text on a dark background
	QRLight = "light" // dark modules as blocks, for dark text on a light background
	QRNone  = "none"
)

// QRModes are the ways to draw.
func QRModes() []string { return []string{QRAuto, QRANSI, QRDark, QRLight, QRNone} }

// Black and white of the 256-colour cube: themes leave these two alone.
const (
	sgrBlackOnWhite = "\x1b[38;5;16;48;5;231m"
	sgrReset        = "\x1b[0m"
)

// QRMode settles how to draw here: auto is ansi where there are colours.
func QRMode(mode string, coloured bool) string {
	switch {
	case mode != QRAuto:
		return mode
	case coloured:
		return QRANSI
	}
	return QRDark
}

// DrawQR draws the text as a QR of half blocks, two modules a character.
func DrawQR(text, mode string) (string, error) {
	if mode == QRNone {
		return "", nil
	}
	code, err := encoder.Encoder_encodeWithoutHint(text, decoder.ErrorCorrectionLevel_M)
	if err != nil {
		return "", fmt.Errorf("cannot draw the code as a QR: %w", err)
	}
	m := code.GetMatrix()
	dark := func(x, y int) bool {
		x, y = x-quiet, y-quiet
		return x >= 0 && y >= 0 && x < m.GetWidth() && y < m.GetHeight() && m.Get(x, y) == 1
	}
	lines := make([]string, 0, m.GetHeight()/2+quiet+1)
	for y := 0; y < m.GetHeight()+2*quiet; y += 2 {
		lines = append(lines, drawLine(dark, m.GetWidth()+2*quiet, y, mode))
	}
	return strings.Join(lines, "\n"), nil
}

// drawLine draws the module rows y and y+1.
func drawLine(dark func(x, y int) bool, width, y int, mode string) string {
	var b strings.Builder
	if mode == QRANSI {
		b.WriteString(sgrBlackOnWhite)
	}
	for x := range width {
		ink := mode != QRDark // what the foreground colour stands for: dark modules, or light ones
		b.WriteString(half(dark(x, y) == ink, dark(x, y+1) == ink))
	}
	if mode == QRANSI {
		b.WriteString(sgrReset)
	}
	return b.String()
}

// half is the character whose upper and lower half are inked.
func half(upper, lower bool) string {
	switch {
	case upper && lower:
		return "\u2588"
	case upper:
		return "\u2580"
	case lower:
		return "\u2584"
	}
	return " "
}

// barLines is how high bars are drawn.
const barLines = 5

// DrawBars draws a row of modules (true: dark) as bars, two modules a character.
func DrawBars(row []bool, mode string) string {
	var b strings.Builder
	if mode == QRANSI {
		b.WriteString(sgrBlackOnWhite)
	}
	at := func(i int) bool { return (i < len(row) && row[i]) == (mode != QRDark) }
	for i := 0; i < len(row); i += 2 {
		b.WriteString(side(at(i), at(i+1)))
	}
	if mode == QRANSI {
		b.WriteString(sgrReset)
	}
	return strings.TrimSuffix(strings.Repeat(b.String()+"\n", barLines), "\n")
}

// side is the character whose left and right half are inked.
func side(left, right bool) string {
	switch {
	case left && right:
		return "\u2588"
	case left:
		return "\u258c"
	case right:
		return "\u2590"
	}
	return " "
}
