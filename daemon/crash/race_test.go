//go:build race

package crash

// raced is by how much the race detector slows the power cuts down: so many
// fewer images are judged under it.
const raced = 10
