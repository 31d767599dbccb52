package sim

import "time"

// Person is who stands before the doors in a demonstration. The zero value is
// nobody.
type Person struct {
	Pull time.Duration // after an unlatching, pulls a door that has no spring; 0: never
	Shut time.Duration // shuts a door that long after it opened; 0: never
}

// Attend puts a person before the doors, or another one.
func (l *Line) Attend(p Person) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.person = p
}

// visit is called when a door has opened.
func (l *Line) visit(d *Door) {
	if l.person.Shut <= 0 {
		return
	}
	gen := d.gen
	l.later(l.person.Shut, func() {
		if d.gen == gen {
			d.shut()
		}
	})
}

// unlatched is called when a door without a spring came free.
func (l *Line) unlatched(d *Door) {
	if l.person.Pull <= 0 {
		return
	}
	gen := d.gen
	l.later(l.person.Pull, func() {
		if d.gen == gen {
			d.swing()
		}
	})
}
