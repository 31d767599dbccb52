//go:build mutants

package bank

import "testing"

// mutantStories is how many stories a mutant may live through.
const mutantStories = 5000

// TestMutants has the plain model look at banks that break one promise each.
func TestMutants(t *testing.T) {
	gen := storyGen()
	for name, change := range map[string]func(*Config){
		"stock moved at the wrong moment":       func(c *Config) { c.StockEarly = true },
		"label bound to the wrong door":         func(c *Config) { c.LabelAstray = true },
		"reservation lost over a restart":       func(c *Config) { c.ReservationLost = true },
		"another tenant's door chosen":          func(c *Config) { c.WrongTenant = true },
		"a second use after a resumed delivery": func(c *Config) { c.SecondUse = true },
	} {
		t.Run(name, func(t *testing.T) {
			for i := range mutantStories {
				if err := gen.Example(i).play(t, change); err != nil {
					t.Logf("story %d: %v", i, err)
					return
				}
			}
			t.Errorf("%d stories do not show the mutant: the proof is worth nothing", mutantStories)
		})
	}
	t.Run("none", func(t *testing.T) {
		for i := range mutantStories / 10 {
			if err := gen.Example(i).play(t, nil); err != nil {
				t.Errorf("a bank without a mutant differs in story %d: %v", i, err)
			}
		}
	})
}
