package main

import (
	"fmt"
	"math/rand"
	"os"
	"syscall"
)

const perLog = 23

// live opens a directory, writes batches that are the same in every life and others, of the same lengths, that seed makes, with flushes in
// between, and kills itself.
func live(dir string, flushes int, shape string, seed int64) {
	d, err := open(dir, optionsFor(dir))
	check(err)
	for i := 0; i < perLog*(1+flushes); i++ {
		if i > 0 && i%perLog == 0 {
			check(d.Flush())
		}
		own := int64(i)
		if isOwn(shape, i) {
			own += 1000 * seed
		}
		size := 60
		if i%7 == 0 {
			size = 500
		}
		value := make([]byte, size)
		random := rand.New(rand.NewSource(own))
		for at := range value {
			value[at] = byte('a' + random.Intn(26))
		}
		b := d.NewBatch()
		check(b.Set([]byte(fmt.Sprintf("key%05d", 200+i)), value, nil))
		if i%5 == 0 {
			check(b.Delete([]byte("key00001"), nil))
		}
		check(b.Commit(sync))
	}
	check(syscall.Kill(os.Getpid(), syscall.SIGKILL))
	select {}
}

func isOwn(shape string, i int) bool {
	switch shape {
	case "parted":
		return i >= 3
	case "later":
		return i%perLog >= perLog/2
	default:
		return i%perLog == perLog/2
	}
}
