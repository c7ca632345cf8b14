package attack

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// idVerdict is what a sample of ids shows.
type idVerdict struct {
	again  int     // ids that came before
	length int     // characters of the shortest
	room   float64 // bits that so many characters of such alphabets could hold
	random float64 // of these, the bits in which nothing was found
	odd    string  // what was found in the others
}

// A column is taken out when chance would show as much once in that many tries: the
// columns are many, and one that is taken out wrongly costs what it holds.
const (
	oddColumn = 1e-8
	oddPair   = 1e-10
)

// pairSample is how many ids are looked at for pairs of columns.
const pairSample = 20_000

// judgeIDs looks at the columns of the ids: what stands at one place of all of them. The
// room of a column is the logarithm of its alphabet. It counts as random when its
// characters are equally frequent (Pearson's chi-square), when neither the same column of
// the id before on the same connection nor any earlier column of the same id tells
// anything about it (chi-square of independence over four classes of characters, by
// their low bits and by their high bits). What is escaped for a cookie is unescaped
// first.
func judgeIDs(drawn [][]string) idVerdict {
	var v idVerdict
	seen := map[string]bool{}
	var runs [][]string
	v.length = math.MaxInt
	for _, ids := range drawn {
		run := make([]string, len(ids))
		for i, id := range ids {
			if seen[id] {
				v.again++
			}
			seen[id] = true
			run[i] = unescaped(id)
			v.length = min(v.length, len(run[i]))
		}
		runs = append(runs, run)
	}
	if len(seen) == 0 {
		return idVerdict{}
	}
	columns := make([]column, v.length)
	found := map[string]int{}
	for at := range columns {
		c := newColumn(runs, at)
		v.room += c.bits
		switch {
		case c.bits == 0:
			found["fixed"]++
		case c.uneven():
			found["uneven"]++
		case c.serial(runs):
			found["known from the id before"]++
		default:
			c.good = true
		}
		columns[at] = c
	}
	for at := range columns {
		if c := &columns[at]; c.good && c.copies(columns[:at], runs) {
			c.good = false
			found["known from others"]++
		}
		if columns[at].good {
			v.random += columns[at].bits
		}
	}
	var odd []string
	for _, what := range []string{"fixed", "uneven", "known from the id before", "known from others"} {
		if found[what] > 0 {
			odd = append(odd, fmt.Sprintf("%d %s", found[what], what))
		}
	}
	if len(odd) > 0 {
		v.odd = "; of the characters " + list(odd)
	}
	return v
}

// column is one place of all ids.
type column struct {
	at     int
	counts [256]int
	rank   [256]int // of a character in its alphabet
	size   int      // of the alphabet
	n      int
	bits   float64
	good   bool
}

func newColumn(runs [][]string, at int) column {
	c := column{at: at}
	for _, run := range runs {
		for _, id := range run {
			c.counts[id[at]]++
			c.n++
		}
	}
	for ch, count := range c.counts {
		if count > 0 {
			c.rank[ch] = c.size
			c.size++
		}
	}
	c.bits = math.Log2(float64(c.size))
	return c
}

// uneven says that some characters are too frequent.
func (c *column) uneven() bool {
	want := float64(c.n) / float64(c.size)
	if want < 5 {
		return true // more characters than the sample can tell anything about
	}
	x := 0.0
	for _, count := range c.counts {
		if count > 0 {
			x += (float64(count) - want) * (float64(count) - want) / want
		}
	}
	return survival(x, c.size-1) < oddColumn
}

func survival(x float64, freedom int) float64 {
	return distuv.ChiSquared{K: float64(freedom)}.Survival(x)
}

// classes of a character: by its low bits, and by its high ones.
func (c *column) classes(ch byte) (low, high int) {
	return c.rank[ch] % 4, c.rank[ch] * 4 / c.size
}

// table counts pairs of classes.
type table [4][4]int

// dependent says that one class tells something about the other.
func (t *table) dependent(limit float64) bool {
	var rows, cols [4]float64
	n := 0.0
	for i, row := range t {
		for j, count := range row {
			rows[i] += float64(count)
			cols[j] += float64(count)
			n += float64(count)
		}
	}
	x := 0.0
	for i, row := range t {
		for j, count := range row {
			if want := rows[i] * cols[j] / n; want > 0 {
				x += (float64(count) - want) * (float64(count) - want) / want
			}
		}
	}
	used := func(sums [4]float64) int {
		return len(slices.DeleteFunc(sums[:], func(s float64) bool { return s == 0 }))
	}
	freedom := (used(rows) - 1) * (used(cols) - 1)
	return freedom > 0 && survival(x, freedom) < limit
}

// serial says that the id before tells something about the column.
func (c *column) serial(runs [][]string) bool {
	var low, high table
	for _, run := range runs {
		for i := 1; i < len(run); i++ {
			l, h := c.classes(run[i-1][c.at])
			l2, h2 := c.classes(run[i][c.at])
			low[l][l2]++
			high[h][h2]++
		}
	}
	return low.dependent(oddColumn) || high.dependent(oddColumn)
}

// copies says that one of the columns before tells something about this one.
func (c *column) copies(before []column, runs [][]string) bool {
	for i := range before {
		b := &before[i]
		if !b.good {
			continue
		}
		var low, high table
		for _, run := range runs {
			for _, id := range run[:min(len(run), pairSample/len(runs))] {
				l, h := b.classes(id[b.at])
				l2, h2 := c.classes(id[c.at])
				low[l][l2]++
				high[h][h2]++
			}
		}
		if low.dependent(oddPair) || high.dependent(oddPair) {
			return true
		}
	}
	return false
}
