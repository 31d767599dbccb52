package metrics

import (
	"strconv"
	"strings"
)

// Types of a family.
const (
	gauge     = "gauge"
	counter   = "counter"
	histogram = "histogram"
)

// text writes families of samples.
type text struct {
	b    []byte
	name string // of the present family
}

// family begins a family. Its samples follow.
func (t *text) family(name, typ, help string) {
	t.name = name
	t.b = append(t.b, "# HELP "+name+" "+helpText.Replace(help)+"\n# TYPE "+name+" "+typ+"\n"...)
}

// sample writes one sample of the family; labels are names and values in turn.
func (t *text) sample(value float64, labels ...string) { t.suffixed("", value, labels...) }

// suffixed is sample for the parts of a histogram.
func (t *text) suffixed(suffix string, value float64, labels ...string) {
	t.b = append(t.b, t.name+suffix...)
	for i := 0; i < len(labels); i += 2 {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		t.b = append(t.b, sep+labels[i]+`="`+labelValue.Replace(labels[i+1])+`"`...)
	}
	if len(labels) > 0 {
		t.b = append(t.b, '}')
	}
	t.b = append(t.b, ' ')
	t.b = strconv.AppendFloat(t.b, value, 'g', -1, 64)
	t.b = append(t.b, '\n')
}

// one is a family of one sample.
func (t *text) one(name, typ, help string, value float64) {
	t.family(name, typ, help)
	t.sample(value)
}

var (
	helpText   = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelValue = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
