package ui

import (
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"lockerd/daemon/control/controltest"
)

const modulePixels = 4 // of the photograph a test takes of the terminal

// photograph is what a drawn QR looks like on a terminal whose own text and
// background have the brightness ink and paper.
func photograph(t *testing.T, drawn string, ink, paper uint8) *image.Gray {
	t.Helper()
	lines := strings.Split(drawn, "\n")
	width := 0
	for i, l := range lines {
		if bare, ok := strings.CutPrefix(l, sgrBlackOnWhite); ok {
			ink, paper = 0, 255
			lines[i] = strings.TrimSuffix(bare, sgrReset)
		}
		width = max(width, len([]rune(lines[i])))
	}
	img := image.NewGray(image.Rect(0, 0, width*modulePixels, 2*len(lines)*modulePixels))
	for y, l := range lines {
		for x, r := range []rune(l) {
			upper, lower := paper, paper
			switch r {
			case '█':
				upper, lower = ink, ink
			case '▀':
				upper = ink
			case '▄':
				lower = ink
			case ' ':
			default:
				t.Fatalf("%q is no half block", r)
			}
			fill(img, x, 2*y, upper)
			fill(img, x, 2*y+1, lower)
		}
	}
	return img
}

func fill(img *image.Gray, x, y int, v uint8) {
	for dx := range modulePixels {
		for dy := range modulePixels {
			img.SetGray(x*modulePixels+dx, y*modulePixels+dy, color.Gray{Y: v})
		}
	}
}

func decodeQR(img image.Image) (string, error) {
	bits, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		return "", err
	}
	r, err := qrcode.NewQRCodeReader().DecodeWithoutHints(bits)
	if err != nil {
		return "", err
	}
	return r.GetText(), nil
}

// TestDrawnQRReads reads the drawing from the screen again.
func TestDrawnQRReads(t *testing.T) {
	for _, test := range []struct {
		mode       string
		ink, paper uint8
	}{
		{QRDark, 255, 0},
		{QRDark, 200, 40},
		{QRLight, 0, 255},
		{QRANSI, 255, 0},
		{QRANSI, 0, 255},
	} {
		for _, text := range []string{controltest.Text, "00000000000000000000000195", "ABC-123", "https://example.com/lockers?code=31415926535897932384626434&bank=lon-042"} {
			drawn, err := DrawQR(text, test.mode)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := decodeQR(photograph(t, drawn, test.ink, test.paper)); err != nil || got != text {
				t.Errorf("%s on %d/%d reads %q, %v; want %q\n%s", test.mode, test.ink, test.paper, got, err, text, drawn)
			}
		}
	}
}

// TestQuietZone wants four light modules on every side.
func TestQuietZone(t *testing.T) {
	drawn, err := DrawQR(controltest.Text, QRDark)
	if err != nil {
		t.Fatal(err)
	}
	img := photograph(t, drawn, 255, 0)
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for y := range h {
		for x := range w {
			edge := min(x, y, w-1-x, h-1-y) < quiet*modulePixels
			if edge && img.GrayAt(x, y).Y != 255 {
				t.Fatalf("pixel %d,%d of %dx%d is dark", x, y, w, h)
			}
		}
	}
	if w != (21+2*quiet)*modulePixels { // 26 digits fit version 1, 21 modules wide
		t.Errorf("the drawing is %d modules wide", w/modulePixels)
	}
}

func TestQRModes(t *testing.T) {
	for _, test := range []struct {
		flag string
		tty  bool
		want string
	}{
		{QRAuto, true, QRANSI},
		{QRAuto, false, QRDark},
		{QRLight, true, QRLight},
		{QRNone, true, QRNone},
	} {
		if got := QRMode(test.flag, test.tty); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
	if drawn, err := DrawQR("x", QRNone); drawn != "" || err != nil {
		t.Errorf("none draws %q, %v", drawn, err)
	}
	if _, err := DrawQR(strings.Repeat("x", 5000), QRDark); err == nil {
		t.Error("5000 characters fit a QR")
	}
}
