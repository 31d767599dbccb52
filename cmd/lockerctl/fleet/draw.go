package fleet

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/oned"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/store/durable"
)

// drawing is how and where a code is drawn.
type drawing struct {
	how      ui.Choice
	png, svg string
}

func (d *drawing) register(fs *flag.FlagSet) {
	d.how = ui.Choice{Value: ui.QRAuto, Of: ui.QRModes()}
	fs.Var(&d.how, "qr", "`how` codes are drawn: auto, ansi, dark, light or none")
	fs.StringVar(&d.png, "png", "", "write QR and Code 128 to this PNG `file`")
	fs.StringVar(&d.svg, "svg", "", "write QR and Code 128 to this SVG `file`")
}

// show draws in the terminal: the QR, and the Code 128 if it fits.
func (d *drawing) show(p *ui.Page, c *call, text string, bars bool) {
	mode := ui.QRMode(d.how.Value, c.colour())
	if mode == ui.QRNone {
		return
	}
	if drawn, err := ui.DrawQR(text, mode); err == nil { // else the text stands there and does as well
		p.Line("\n%s", drawn)
	}
	if !bars {
		return
	}
	row, err := code128(text)
	if err != nil {
		return
	}
	if need := (len(row) + 1) / 2; need > c.width {
		p.Line("\nCode 128 needs %d columns, there are %d: --png or --svg writes it to a file", need, c.width)
		return
	}
	p.Line("\n%s", ui.DrawBars(row, mode))
}

// check refuses files that could not be written, before anything is issued.
func (d *drawing) check() error {
	for _, path := range []string{d.png, d.svg} {
		if dir := filepath.Dir(path); path != "" {
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				return ui.Usagef("cannot write %s: there is no folder %s", path, dir)
			}
		}
	}
	return nil
}

// write writes the files that were asked for, and says so.
func (d *drawing) write(c *call, text string, bars bool) error {
	if d.png == "" && d.svg == "" {
		return nil
	}
	s, err := newSheet(text, bars)
	if err != nil {
		return err
	}
	picture, err := s.png()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path string
		body []byte
	}{{d.png, picture}, {d.svg, s.svg()}} {
		if f.path == "" {
			continue
		}
		if err := durable.WriteFile(f.path, f.body, 0o600); err != nil {
			return err
		}
		if !c.json {
			ui.Emit(c.out, "written to %s; who has the file can open the door\n", ui.Clean(f.path))
		}
	}
	return nil
}

// quietBars is the light border of a Code 128 on each side, in modules (ISO/IEC 15417).
const quietBars = 10

// code128 returns the modules of a Code 128 with its borders, true: dark.
func code128(text string) ([]bool, error) {
	m, err := oned.NewCode128Writer().Encode(text, gozxing.BarcodeFormat_CODE_128, 0, 1, map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_MARGIN: 0})
	if err != nil {
		return nil, fmt.Errorf("cannot draw the code as a Code 128: %w", err)
	}
	row := make([]bool, m.GetWidth()+2*quietBars)
	for x := range m.GetWidth() {
		row[quietBars+x] = m.Get(x, 0)
	}
	return row, nil
}

// sheet is QR above Code 128, in modules.
type sheet struct {
	width, height int
	dark          func(x, y int) bool
	text          string
}

const (
	quietQR    = 4  // ISO/IEC 18004
	barsHeight = 40 // modules
	scale      = 6  // pixels of a QR's module in the PNG; a bar's is 3
)

// newSheet lays a sheet out in half modules of the QR: a bar is one wide.
func newSheet(text string, bars bool) (*sheet, error) {
	code, err := encoder.Encoder_encodeWithoutHint(text, decoder.ErrorCorrectionLevel_M)
	if err != nil {
		return nil, fmt.Errorf("cannot draw the code as a QR: %w", err)
	}
	return layOut(code, text, bars)
}

func layOut(code *encoder.QRCode, text string, bars bool) (*sheet, error) {
	m := code.GetMatrix()
	side := 2 * (m.GetWidth() + 2*quietQR)
	var row []bool
	if bars {
		var err error
		if row, err = code128(text); err != nil {
			return nil, err
		}
	}
	s := &sheet{width: max(side, len(row)), height: side, text: text}
	if bars {
		s.height += barsHeight + 2*quietQR
	}
	left := (s.width - side) / 2
	s.dark = func(x, y int) bool {
		if y < side {
			x, y := (x-left)/2-quietQR, y/2-quietQR
			return x >= 0 && y >= 0 && x < m.GetWidth() && y < m.GetHeight() && m.Get(x, y) == 1
		}
		x -= (s.width - len(row)) / 2
		return y < side+barsHeight && x >= 0 && x < len(row) && row[x]
	}
	return s, nil
}

func (s *sheet) png() ([]byte, error) {
	const pixels = scale / 2
	img := image.NewPaletted(image.Rect(0, 0, s.width*pixels, s.height*pixels), color.Palette{color.White, color.Black})
	for y := range s.height * pixels {
		for x := range s.width * pixels {
			if s.dark(x/pixels, y/pixels) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("cannot write the PNG: %w", err)
	}
	return b.Bytes(), nil
}

// svg draws runs of dark modules as one path.
func (s *sheet) svg() []byte {
	var path strings.Builder
	for y := range s.height {
		for x := 0; x < s.width; x++ {
			from := x
			for x < s.width && s.dark(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`+
		`<path fill="#fff" d="M0 0h%dv%dH0z"/><path d="%s"/></svg>`+"\n", s.width, s.height, s.width, s.height, path.String())
}
