package read

import (
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/aztec"

	"lockerd/scanner/camera/binarize"
)

// grids reads the codes made of square modules with gozxing's readers. They are
// not safe for concurrent use.
type grids struct {
	readers []gridReader
	out     []Result
}

type gridReader struct {
	format Format
	reader gozxing.Reader
}

func newGrids() *grids {
	return &grids{readers: []gridReader{
		{Aztec, aztec.NewAztecReader()},
	}}
}

func (g *grids) read(b *binarize.Bitmap) []Result {
	g.out = g.out[:0]
	m, err := bitMatrix(b)
	if err != nil {
		return nil
	}
	pic, err := gozxing.NewBinaryBitmap(ready{m})
	if err != nil {
		return nil
	}
	for _, r := range g.readers {
		if res, err := r.reader.Decode(pic, nil); err == nil && sound(res.GetText()) {
			g.out = append(g.out, Result{r.format, res.GetText()})
		}
	}
	return g.out
}

// sound tells whether a text is one: gozxing reads codes of other character sets
// byte by byte.
func sound(text string) bool { return text != "" && utf8.ValidString(text) }

// bitMatrix copies a bitmap, 32 pixels at a time.
func bitMatrix(b *binarize.Bitmap) (*gozxing.BitMatrix, error) {
	m, err := gozxing.NewBitMatrix(b.W, b.H)
	if err != nil {
		return nil, err
	}
	row := gozxing.NewBitArray(b.W)
	for y := range b.H {
		line := b.Row(y)
		for x := 0; x < len(line); x += 32 {
			var v uint32
			for i, p := range line[x:min(x+32, len(line))] {
				v |= uint32(p) << i
			}
			row.SetBulk(x, v)
		}
		m.SetRow(y, row)
	}
	return m, nil
}

// ready is a binarizer whose work is done.
type ready struct{ m *gozxing.BitMatrix }

func (r ready) GetLuminanceSource() gozxing.LuminanceSource { return nil }
func (r ready) GetBlackRow(y int, _ *gozxing.BitArray) (*gozxing.BitArray, error) {
	return r.m.GetRow(y, nil), nil
}
func (r ready) GetBlackMatrix() (*gozxing.BitMatrix, error)               { return r.m, nil }
func (r ready) CreateBinarizer(gozxing.LuminanceSource) gozxing.Binarizer { return r }
func (r ready) GetWidth() int                                             { return r.m.GetWidth() }
func (r ready) GetHeight() int                                            { return r.m.GetHeight() }
