package luma

// Half makes m a picture of half the size, each pixel the mean of four.
func (m *Image) Half(from *Image) {
	m.Reset(from.W/2, from.H/2)
	for y := range m.H {
		a, b, row := from.Row(2*y), from.Row(2*y+1), m.Row(y)
		a, b = a[:2*len(row)], b[:2*len(row)]
		for x := range row {
			row[x] = uint8((int(a[2*x]) + int(a[2*x+1]) + int(b[2*x]) + int(b[2*x+1]) + 2) / 4)
		}
	}
}

// Invert makes m the negative.
func (m *Image) Invert(from *Image) {
	m.Reset(from.W, from.H)
	for i, v := range from.Pix {
		m.Pix[i] = ^v
	}
}

// Turn makes m the picture turned a quarter to the left: its rows are the
// columns of from, the rightmost first.
func (m *Image) Turn(from *Image) {
	m.Reset(from.H, from.W)
	const block = 16 // keeps both sides in the cache
	for y0 := 0; y0 < from.H; y0 += block {
		for x0 := 0; x0 < from.W; x0 += block {
			for y := y0; y < min(y0+block, from.H); y++ {
				row := from.Row(y)
				for x := x0; x < min(x0+block, from.W); x++ {
					m.Pix[(from.W-1-x)*m.W+y] = row[x]
				}
			}
		}
	}
}

// Sharpen makes m the picture with three times the difference to its blurred
// self added: what a lens out of focus needs to show modules again.
func (m *Image) Sharpen(from *Image) {
	m.Reset(from.W, from.H)
	copy(m.Pix, from.Pix)
	const r = 2
	for y := r; y < m.H-r; y++ {
		out := m.Row(y)
		up, mid, down := from.Row(y-r), from.Row(y), from.Row(y+r)
		for x := r; x < m.W-r; x++ {
			v := int(mid[x])
			mean := int(mid[x-r]) + int(mid[x+r]) + int(up[x]) + int(down[x])
			out[x] = clamp(v + (4*v-mean)*3/4)
		}
	}
}

func clamp(v int) uint8 { return uint8(min(max(v, 0), 255)) }
