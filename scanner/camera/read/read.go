// Package read finds the codes in frames.
//
// A Reader is cheap enough for every frame of a camera: it reads what is easy in
// each, and takes one of the dearer ways in turn. A text along a line is a read
// when a second line, of this frame or one shortly before, has it too. A Reader
// belongs to one goroutine and keeps its scratch memory; frames are not kept.
package read

import (
	"slices"
	"unicode/utf8"

	"lockerd/scanner/camera/aztec"
	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/luma"
	"lockerd/scanner/camera/matrix"
	"lockerd/scanner/camera/oned"
	"lockerd/scanner/camera/qr"
)

// Format is a symbology.
type Format uint8

// Formats.
const (
	QR Format = iota
	Code128
	Code39
	EAN13
	DataMatrix
	Aztec
	PDF417
)

// String returns the usual name.
func (f Format) String() string {
	return [...]string{"QR", "Code 128", "Code 39", "EAN-13", "Data Matrix", "Aztec", "PDF417"}[f]
}

// Result is one code that was read.
type Result struct {
	Format Format
	Text   string
}

// Turns is how many frames it takes until every dear way was taken.
const Turns = 4

// contrasts are what the turns binarize with.
var contrasts = [Turns]int{binarize.Fine, binarize.Fine, binarize.Coarse, binarize.Coarse}

// minStacked is how many lines must cross an end of a PDF417 beside another before
// it is looked for, which is dear.
const minStacked = 2

// Reader reads frames.
type Reader struct {
	turn    int
	lines   lines
	bin     binarize.Binarizer
	bits    binarize.Bitmap
	turned  luma.Image
	aztec   *aztec.Reader
	qr      *qr.Reader
	matrix  *matrix.Reader
	stacked stacked
	rest    int  // frames until PDF417 is looked for again
	sharpen bool // and whether in a sharpened picture
	results []Result
}

// New returns a reader.
func New() *Reader {
	return &Reader{aztec: aztec.New(), qr: qr.New(), matrix: matrix.New(), stacked: newStacked()}
}

// Frame reads one frame of a camera. The result is valid until the next call.
func (r *Reader) Frame(m *luma.Image) []Result {
	r.results = r.results[:0]
	r.lines.begin()
	r.bin.Blocks(&r.bits, m, contrasts[r.turn])
	r.addText(QR, r.qr.Read(m, &r.bits, 2))
	r.addText(DataMatrix, r.matrix.Read(m, &r.bits, 4))
	if r.turn%2 == 1 {
		r.addText(Aztec, r.aztec.Read(m, &r.bits, 2))
	}
	for _, h := range r.lines.rows(m, 0, r.turn) {
		r.add(h)
	}
	r.turned.Turn(m)
	for _, h := range r.lines.rows(&r.turned, 1, r.turn) {
		r.add(h)
	}
	r.readStacked(m)
	if r.turn == Turns-1 {
		r.readNegative(m)
	}
	r.turn = (r.turn + 1) % Turns
	return r.results
}

// readNegative reads codes that are light on dark. The luminance is inverted, not
// what was binarized: that takes grey for paper.
func (r *Reader) readNegative(m *luma.Image) {
	r.turned.Invert(m)
	r.bin.Blocks(&r.bits, &r.turned, binarize.Fine)
	r.addText(QR, r.qr.Read(&r.turned, &r.bits, 2))
	r.addText(DataMatrix, r.matrix.Read(&r.turned, &r.bits, 4))
}

// readStacked looks for a PDF417 where lines have crossed an end of one. After a
// failure it rests for a frame and then looks at the other of two pictures: as it
// is, or sharpened, as blur that leaves lines readable mixes the rows.
func (r *Reader) readStacked(m *luma.Image) {
	r.rest--
	if r.lines.stacked < minStacked || r.rest > 0 {
		return
	}
	if r.sharpen {
		r.turned.Sharpen(m)
		r.bin.Blocks(&r.bits, &r.turned, contrasts[r.turn])
	}
	text := r.stacked.read(&r.bits)
	if text == "" {
		r.rest, r.sharpen = Turns/2, !r.sharpen
	}
	r.addText(PDF417, text)
}

// addText takes a text, if it is one: decoders read codes of other character
// sets byte by byte.
func (r *Reader) addText(f Format, text string) {
	if text != "" && utf8.ValidString(text) {
		r.add(Result{f, text})
	}
}

// add takes a result once.
func (r *Reader) add(res Result) {
	if !slices.Contains(r.results, res) {
		r.results = append(r.results, res)
	}
}

func formatOf(k oned.Kind) Format {
	return [...]Format{oned.Code128: Code128, oned.Code39: Code39, oned.EAN13: EAN13}[k]
}

// Fresh returns a reader with the same scratch memory that has seen nothing
// yet. The old one must not be used any more.
func (r *Reader) Fresh() *Reader {
	r.turn, r.rest, r.sharpen, r.lines.sights = 0, 0, false, r.lines.sights[:0]
	return r
}
