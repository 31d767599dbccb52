package read

import (
	"github.com/ericlevine/zxinggo"
	"github.com/ericlevine/zxinggo/bitutil"
	"github.com/ericlevine/zxinggo/pdf417"

	"lockerd/scanner/camera/binarize"
)

// stacked reads PDF417 with zxinggo's reader. It copies the picture first, and
// is for frames in which lines have found the start of a code.
type stacked struct{ reader *pdf417.PDF417Reader }

func newStacked() stacked { return stacked{pdf417.NewPDF417Reader()} }

// read returns the text of one code, seen from the front or through glass from
// behind, "" if there is none.
func (s stacked) read(b *binarize.Bitmap) string {
	for _, behind := range [...]bool{false, true} {
		m := bitutil.NewBitMatrixWithSize(b.W, b.H)
		for i, v := range b.Pix {
			x, y := i%b.W, i/b.W
			if behind {
				x = b.W - 1 - x
			}
			if v == 1 {
				m.Set(x, y)
			}
		}
		if res, err := s.reader.Decode(zxinggo.NewBinaryBitmap(whole{m}), nil); err == nil {
			return res.Text
		}
	}
	return ""
}

// whole is a picture that has been binarized already.
type whole struct{ m *bitutil.BitMatrix }

func (w whole) BlackRow(y int, row *bitutil.BitArray) (*bitutil.BitArray, error) {
	return w.m.Row(y, row), nil
}
func (w whole) BlackMatrix() (*bitutil.BitMatrix, error) { return w.m, nil }
func (w whole) LuminanceSource() zxinggo.LuminanceSource { return nil }
func (w whole) Width() int                               { return w.m.Width() }
func (w whole) Height() int                              { return w.m.Height() }
