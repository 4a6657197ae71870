package main

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"syscall"
)

// workload is a random run: what it does depends on the seed alone, when Pebble flushes and compacts behind it does not.
type workload struct {
	*rand.Rand
	dir    string
	format formatMajor
	db     *db
	keys   int
	serial int
	// Keys that were set once and not deleted.
	single [][]byte
}

const (
	firstDeleteSized  = 15
	firstVirtual      = 16
	firstWithColumns  = 19
	mostOperations    = 900
	largestOfOneBatch = 12
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func work(seed int64, dir string, format formatMajor) {
	w := &workload{Rand: rand.New(rand.NewSource(seed)), dir: dir, format: format}
	if format == 0 {
		top := newest
		if top >= firstWithColumns {
			top = firstWithColumns - 1
		}
		w.format = oldest + formatMajor(w.Intn(int(top-oldest)+1))
		// what geth and Cosmos have
		if w.Intn(3) == 0 {
			w.format = oldest
		}
	}
	w.keys = 20 + w.Intn(400)
	runs := 1 + w.Intn(3)
	for run := 0; run < runs; run++ {
		w.open()
		for n := w.Intn(mostOperations); n > 0; n-- {
			w.step()
		}
		last := run == runs-1
		if last && w.Intn(4) > 0 {
			check(syscall.Kill(os.Getpid(), syscall.SIGKILL))
			select {}
		}
		check(w.db.Close())
	}
}

func (w *workload) open() {
	o := &options{
		Logger:                quiet{},
		FormatMajorVersion:    w.format,
		MemTableSize:          uint64(8<<10) << w.Intn(5),
		L0CompactionThreshold: 2 + w.Intn(4),
		LBaseMaxBytes:         int64(16<<10) << w.Intn(4),
	}
	failOnBackgroundErrors(o)
	setLevels(o, []int{0, 10}[w.Intn(2)], 256<<w.Intn(5))
	var err error
	w.db, err = open(w.dir, o)
	check(err)
}

func (w *workload) key() []byte { return []byte(fmt.Sprintf("key%05d", w.Intn(w.keys))) }

func (w *workload) span() ([]byte, []byte) {
	a := w.Intn(w.keys)
	b := a + 1 + w.Intn(1+w.keys/10)
	return []byte(fmt.Sprintf("key%05d", a)), []byte(fmt.Sprintf("key%05d", b))
}

func (w *workload) value() []byte {
	w.serial++
	size := w.Intn(60)
	if w.Intn(40) == 0 {
		size = w.Intn(5000)
	}
	v := []byte(fmt.Sprintf("%d:", w.serial))
	for len(v) < size {
		v = append(v, byte('a'+w.Intn(4)))
	}
	return v
}

func (w *workload) operation(b *batch) {
	switch p := w.Intn(100); {
	case p < 62:
		check(b.Set(w.key(), w.value(), nil))
	case p < 76:
		check(b.Delete(w.key(), nil))
	case p < 86:
		check(b.Merge(w.key(), w.value(), nil))
	case p < 89:
		w.once(b)
	case p < 93:
		from, to := w.span()
		check(b.DeleteRange(from, to, nil))
	case p < 97 && w.format >= firstDeleteSized:
		check(b.DeleteSized(w.key(), uint32(w.Intn(100)), nil))
	default:
		check(b.Set(w.key(), nil, nil))
	}
}

// once sets a key that was never set, or deletes one that was set once: what SINGLEDEL does to others depends on flushes.
func (w *workload) once(b *batch) {
	if n := len(w.single); n > 0 && w.Intn(2) == 0 {
		check(b.SingleDelete(w.single[n-1], nil))
		w.single = w.single[:n-1]
		return
	}
	w.serial++
	k := []byte(fmt.Sprintf("once%05d", w.serial))
	check(b.Set(k, w.value(), nil))
	w.single = append(w.single, k)
}

func (w *workload) step() {
	switch p := w.Intn(1000); {
	case p < 4:
		check(w.db.Flush())
	case p < 8:
		_, err := w.db.AsyncFlush()
		check(err)
	case p < 11:
		from, to := w.span()
		check(compact(w.db, from, to))
	case p < 17:
		w.ingest()
	case p < 30:
		// alone: flushes of 1.1.5 fail for ever on one in a batch that is larger than half of the memtable
		check(w.db.LogData([]byte("remark"), noSync))
	default:
		b := w.db.NewBatch()
		for n := 1 + w.Intn(largestOfOneBatch)*w.Intn(2); n > 0; n-- {
			w.operation(b)
		}
		o := noSync
		if w.Intn(3) == 0 {
			o = sync
		}
		check(b.Commit(o))
	}
}

// ingest brings in a table of ascending keys, sometimes in place of all that its range held.
func (w *workload) ingest() {
	w.serial++
	path := filepath.Join(w.dir, "..", fmt.Sprintf("ingest-%d-%d.sst", os.Getpid(), w.serial))
	defer os.Remove(path)
	t, err := newTable(path, w.format)
	check(err)
	first := w.Intn(w.keys)
	n := 1 + w.Intn(20)
	for i := 0; i < n; i++ {
		check(t.Set([]byte(fmt.Sprintf("key%05d", first+i)), w.value()))
	}
	check(t.Close())
	if w.format >= firstVirtual && w.Intn(2) == 0 {
		check(ingestAndExcise(w.db, []string{path}, []byte(fmt.Sprintf("key%05d", first)), []byte(fmt.Sprintf("key%05d", first+n+w.Intn(9)))))
		return
	}
	check(ingest(w.db, []string{path}))
}
