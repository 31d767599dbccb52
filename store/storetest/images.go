package storetest

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
)

// shape is a family of crashes.
type shape uint8

const (
	shapeAll       shape = iota // everything issued has survived
	shapeSynced                 // only what is durable
	shapeTornSect               // the last write torn at a sector, all else survived
	shapeTornByte               // the last write torn anywhere, all else survived
	shapeTornFirst              // of all that is not durable only the beginning of the last write
	shapeSectors                // names and sizes survived, any sectors
	shapeAny                    // any names, sizes, sectors
	shapeNames                  // names survived, data lost: a rename before its file's data
	shapeGarbage                // likewise, with garbage in the space
	shapeData                   // data survived, any names
	shapes
)

// job is one image to be made.
type job struct {
	at     int
	shape  shape
	choose bool // of all shapes that differ at this cut
}

// Images returns n images, in the order of their cuts. If n allows, every cut
// comes once with all that was issued and once with only what is durable; what
// remains goes by chance to cuts where something is not durable. The same rng
// gives the same images; ranging a second time draws new ones. One sequence
// must not be ranged by two goroutines at a time; images may be handed around.
func (l *Log) Images(rng *rand.Rand, n int) iter.Seq[Image] {
	cuts := len(l.ops) + 1
	return func(yield func(Image) bool) {
		var jobs []job
		if n < 2*cuts {
			for i := range n {
				jobs = append(jobs, job{at: i * cuts / n, choose: true})
			}
		} else {
			for at := range cuts {
				jobs = append(jobs, job{at: at}, job{at: at, shape: shapeSynced})
			}
			open := l.open()
			for range n - 2*cuts {
				jobs = append(jobs, job{at: open[rng.IntN(len(open))], choose: true})
			}
		}
		l.run(rng, jobs, yield)
	}
}

// ImagesAt returns images of the given cuts only, per for each: the first with
// all that was issued, the second with only what is durable, the others by
// chance. It behaves as Images does.
func (l *Log) ImagesAt(rng *rand.Rand, cuts []int, per int) iter.Seq[Image] {
	return func(yield func(Image) bool) {
		var jobs []job
		for _, at := range cuts {
			for i := range per {
				jobs = append(jobs, job{at: at, shape: shape(min(i, int(shapeSynced))), choose: i > int(shapeSynced)})
			}
		}
		l.run(rng, jobs, yield)
	}
}

// open returns the cuts at which not all is durable, or all cuts if there are none.
func (l *Log) open() []int {
	var open, all []int
	for at, s := range l.states() {
		if all = append(all, at); !s.settled() {
			open = append(open, at)
		}
	}
	if len(open) == 0 {
		return all
	}
	return open
}

// states returns the state at each cut.
func (l *Log) states() iter.Seq2[int, state] {
	return func(yield func(int, state) bool) {
		s := newState()
		for at := 0; yield(at, s) && at < len(l.ops); at++ {
			s = s.apply(l.ops, at)
			if l.ops[at].Kind == opSyncDir {
				s = s.prune()
			}
		}
	}
}

// run makes the images of jobs, by cut.
func (l *Log) run(rng *rand.Rand, jobs []job, yield func(Image) bool) {
	slices.SortStableFunc(jobs, func(a, b job) int { return a.at - b.at })
	for at, s := range l.states() {
		for len(jobs) > 0 && jobs[0].at <= at {
			if !yield(l.image(rng, jobs[0], s)) {
				return
			}
			jobs = jobs[1:]
		}
		if len(jobs) == 0 {
			return
		}
	}
}

func (l *Log) image(rng *rand.Rand, j job, s state) Image {
	sh := j.shape
	if j.choose {
		sh = l.choose(rng, j.at, s)
	}
	c := l.crash(rng, sh, j.at)
	before := "the beginning"
	if j.at > 0 {
		before = l.ops[j.at-1].String()
	}
	return Image{
		At:    j.at,
		Desc:  fmt.Sprintf("power cut at %d of %d, after %s: %s", j.at, len(l.ops), before, c),
		log:   l,
		state: s,
		crash: c,
	}
}

// choose draws a shape that can differ from the others at this cut.
func (l *Log) choose(rng *rand.Rand, at int, s state) shape {
	if s.settled() {
		return shapeAll
	}
	if at > 0 && l.ops[at-1].Kind == opWrite {
		return shape(rng.IntN(int(shapes)))
	}
	untorn := []shape{shapeAll, shapeSynced, shapeSectors, shapeAny, shapeNames, shapeGarbage, shapeData}
	return untorn[rng.IntN(len(untorn))]
}

// crash draws one crash of a family.
func (l *Log) crash(rng *rand.Rand, sh shape, at int) crash {
	c := crash{seed: rng.Uint64()}
	switch sh {
	case shapeAll:
		c.names, c.sizes, c.data = survived, survived, survived
	case shapeSynced, shapes:
	case shapeTornSect:
		c.names, c.sizes, c.data = survived, survived, survived
		c.tear(rng, &l.ops[at-1], sectorSize)
	case shapeTornByte:
		c.names, c.sizes, c.data = survived, survived, survived
		c.tear(rng, &l.ops[at-1], 1)
	case shapeTornFirst:
		c.names = fate(rng.IntN(3))
		c.tear(rng, &l.ops[at-1], sectorSize)
	case shapeSectors:
		c.names, c.sizes, c.data = survived, survived, mixed
	case shapeAny:
		c.names, c.sizes, c.data = mixed, mixed, mixed
	case shapeNames, shapeGarbage:
		c.names, c.sizes, c.garbage = survived, fate(rng.IntN(3)), sh == shapeGarbage
	case shapeData:
		c.names, c.sizes, c.data = fate(rng.IntN(3)), survived, survived
	}
	return c
}

// tear draws where a write ends: behind any of its sectors, or any of its bytes.
func (c *crash) tear(rng *rand.Rand, o *op, unit int64) {
	c.tears, c.full = true, rng.IntN(2) == 0
	first := o.Off / unit
	n := (o.end()+unit-1)/unit - first // units touched
	c.torn = max(0, (first+rng.Int64N(n))*unit-o.Off)
}
