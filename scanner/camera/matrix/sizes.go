package matrix

// size is one size of a code in modules, borders included.
type size struct {
	w, h             int
	regionW, regionH int // of one of the fields it is made of
	check            int // code words of error correction; 0: gozxing knows the size
}

// squares are the sizes of ISO 16022, table 7.
var squares = [...]int{10, 12, 14, 16, 18, 20, 22, 24, 26, 32, 36, 40, 44, 48, 52, 64, 72, 80, 88, 96, 104, 120, 132, 144}

// oblongs are the oblong sizes of ISO 16022 and then those of ISO 21471.
var oblongs = [...]size{
	{18, 8, 18, 8, 0},
	{32, 8, 16, 8, 0},
	{26, 12, 26, 12, 0},
	{36, 12, 18, 12, 0},
	{36, 16, 18, 16, 0},
	{48, 16, 24, 16, 0},
	{48, 8, 24, 8, 15},
	{64, 8, 16, 8, 18},
	{80, 8, 20, 8, 22},
	{96, 8, 24, 8, 28},
	{120, 8, 20, 8, 32},
	{144, 8, 24, 8, 36},
	{64, 12, 16, 12, 27},
	{88, 12, 22, 12, 36},
	{64, 16, 16, 16, 36},
	{36, 20, 18, 20, 28},
	{44, 20, 22, 20, 34},
	{64, 20, 16, 20, 42},
	{48, 22, 24, 22, 38},
	{48, 24, 24, 24, 41},
	{64, 24, 16, 24, 46},
	{40, 26, 20, 26, 38},
	{48, 26, 24, 26, 42},
	{64, 26, 16, 26, 50},
}

func sizes() []size {
	out := make([]size, 0, len(squares)+len(oblongs))
	for _, n := range squares {
		out = append(out, size{w: n, h: n})
	}
	return append(out, oblongs[:]...)
}
