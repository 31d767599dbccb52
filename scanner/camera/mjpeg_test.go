package camera

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"testing"

	"lockerd/scanner/camera/luma"
)

// encoded returns a JPEG picture of one grey.
func encoded(tb testing.TB, grey uint8) []byte {
	tb.Helper()
	img := image.NewGray(image.Rect(0, 0, 16, 16))
	for i := range img.Pix {
		img.Pix[i] = grey
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// bare takes the Huffman tables out of a picture, as MJPEG cameras do.
func bare(t *testing.T, data []byte) []byte {
	t.Helper()
	for {
		i, ok := segments(data, markDHT)
		if !ok {
			return data
		}
		data = append(bytes.Clone(data[:i]), data[i+segmentLen(data[i:]):]...)
	}
}

func TestDecodeWithoutTables(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 16, 16))
	for i := range 16 * 16 {
		img.Set(i%16, i/16, color.RGBA{R: uint8(i), G: uint8(255 - i), B: 100, A: 255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{b.Bytes(), encoded(t, 90)} {
		var whole, without luma.Image
		var j jpegs
		if err := j.decode(&whole, data); err != nil {
			t.Fatal(err)
		}
		camera := bare(t, data)
		if len(camera) >= len(data) {
			t.Fatal("the picture has no tables to take out")
		}
		if err := j.decode(&without, camera); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(whole.Pix, without.Pix) {
			t.Error("with the tables put back the picture is another")
		}
	}
}

func TestSplitMJPEG(t *testing.T) {
	a, b := encoded(t, 10), encoded(t, 200)
	thumbnail := append([]byte{0xFF, markSOI, 0xFF, 0xE1, 0, 6, 0xFF, markEOI, 0xFF, markEOI}, a[2:]...)
	for _, c := range []struct {
		name string
		data [][]byte
		want [][]byte
	}{
		{"none", [][]byte{[]byte("text")}, nil},
		{"two", [][]byte{a, b}, [][]byte{a, b}},
		{"garbage between", [][]byte{[]byte("--frame\r\n\r\n"), a, []byte("\r\n--frame"), b, {0xFF}}, [][]byte{a, b}},
		{"half a picture at the end", [][]byte{a, b[:len(b)-2]}, [][]byte{a}},
		{"an end inside a segment", [][]byte{thumbnail, b}, [][]byte{thumbnail, b}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := splitMJPEG(bytes.Join(c.data, nil))
			if len(got) != len(c.want) {
				t.Fatalf("%d pictures, want %d", len(got), len(c.want))
			}
			for i := range got {
				if !bytes.Equal(got[i], c.want[i]) {
					t.Errorf("picture %d is another", i)
				}
			}
		})
	}
}

// FuzzMJPEG holds that whatever a camera or a file says, decoding ends without a
// panic, and that the pictures of a file are parts of it in order.
func FuzzMJPEG(f *testing.F) {
	f.Add(encoded(f, 10))
	f.Add([]byte{0xFF, markSOI, 0xFF, 0xE1, 0, 0, 0xFF, markEOI})
	f.Fuzz(func(t *testing.T, data []byte) {
		rest := data
		for _, p := range splitMJPEG(data) {
			i := bytes.Index(rest, p)
			if i < 0 {
				t.Fatal("a picture is no part of the file")
			}
			rest = rest[i+len(p):]
		}
		if cfg, err := jpeg.DecodeConfig(bytes.NewReader(data)); err == nil && cfg.Width*cfg.Height > 1<<20 {
			return // a picture of many pixels takes long, which is no fault
		}
		var j jpegs
		var m luma.Image
		_ = j.decode(&m, data)
	})
}
