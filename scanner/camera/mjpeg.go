package camera

import (
	"bytes"
	"image"
	"image/jpeg"
	"slices"

	"lockerd/scanner/camera/luma"
)

// Markers of JPEG, ISO 10918-1 table B.1.
const (
	markSOI = 0xD8
	markEOI = 0xD9
	markSOS = 0xDA
	markDHT = 0xC4
)

// splitMJPEG cuts a stream into its pictures, each from its SOI to its EOI
// marker. What stands between them is skipped.
func splitMJPEG(data []byte) [][]byte {
	var out [][]byte
	for {
		i := bytes.Index(data, []byte{0xFF, markSOI, 0xFF})
		if i < 0 {
			return out
		}
		data = data[i:]
		n := jpegLen(data)
		if n == 0 {
			return out
		}
		out = append(out, data[:n])
		data = data[n:]
	}
}

// jpegLen returns the length of the picture that data begins with, 0 if its end
// is missing. Segments are stepped over, for a thumbnail in one has an EOI too.
func jpegLen(data []byte) int {
	i, _ := segments(data, markSOS)
	if i == 0 {
		return 0
	}
	// inside the scan an FF is followed by 00 or a restart marker
	if n := bytes.Index(data[i:], []byte{0xFF, markEOI}); n >= 0 {
		return i + n + 2
	}
	return 0
}

// jpegs decodes the pictures of cameras.
type jpegs struct {
	tables []byte // a DHT segment with the standard tables, made when first needed
}

// decode copies the luminance of a picture: JPEG, or what else image knows.
func (j *jpegs) decode(m *luma.Image, data []byte) error {
	img, _, err := image.Decode(bytes.NewReader(j.withTables(data)))
	if err != nil {
		return errBadFrame
	}
	return m.FromImage(img)
}

// withTables puts the standard Huffman tables into a picture that has none:
// MJPEG cameras leave them out, and image/jpeg insists on them.
func (j *jpegs) withTables(data []byte) []byte {
	i, has := segments(data, markDHT)
	if has || i == 0 {
		return data
	}
	if j.tables == nil {
		j.tables = standardTables()
	}
	return slices.Concat(data[:i], j.tables, data[i:])
}

// segments steps over the segments of a picture up to its scan. It returns the
// place of the first with the given mark, or else of the scan; 0 if it is no JPEG.
func segments(data []byte, mark byte) (at int, found bool) {
	if len(data) < 4 || data[0] != 0xFF || data[1] != markSOI {
		return 0, false
	}
	for i := 2; i+4 <= len(data) && data[i] == 0xFF; i += segmentLen(data[i:]) {
		switch data[i+1] {
		case mark:
			return i, true
		case markSOS, markEOI:
			return i, false
		}
	}
	return 0, false
}

// segmentLen returns the length of the segment that data begins with, its
// marker included.
func segmentLen(data []byte) int { return 2 + int(data[2])<<8 + int(data[3]) }

// standardTables returns the Huffman tables of ISO 10918-1 annex K.3.3, which
// are those that image/jpeg writes, as one DHT segment.
func standardTables() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 1, 1)), nil); err != nil {
		return nil
	}
	data := b.Bytes()
	i, ok := segments(data, markDHT)
	if !ok {
		return nil
	}
	return bytes.Clone(data[i : i+segmentLen(data[i:])])
}
