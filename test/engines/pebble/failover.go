//go:build !v1

package main

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// Where a store has its second directory for logs, as OPTIONS names it.
const secondary = "secondary"

func secondaryOf() wal.Dir {
	return wal.Dir{FS: vfs.Default, Dirname: "{store_path}/" + secondary}
}

// recoverFrom adds the second directory, where there is one.
func recoverFrom(o *options, dir string) {
	if _, err := os.Stat(filepath.Join(dir, secondary)); err == nil {
		o.WALRecoveryDirs = []wal.Dir{secondaryOf()}
	}
}

// failover fills a store whose disk stalls now and then, so that logs go on in a second directory; kills itself, mostly during a stall,
// or closes it.
func failover(seed int64, dir string, format formatMajor) {
	r := rand.New(rand.NewSource(seed))
	var stalled atomic.Bool
	inject := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && filepath.Dir(op.Path) == dir && strings.HasSuffix(op.Path, ".log") {
			for stalled.Load() {
				time.Sleep(time.Millisecond)
			}
		}
		return nil
	})
	o := &options{
		FS:                          errorfs.Wrap(vfs.Default, inject),
		Logger:                      quiet{},
		FormatMajorVersion:          format,
		MemTableSize:                uint64(16<<10) << r.Intn(4),
		DisableAutomaticCompactions: true,
		WALFailover:                 &pebble.WALFailoverOptions{Secondary: secondaryOf()},
	}
	f := &o.WALFailover.FailoverOptions
	f.PrimaryDirProbeInterval = 2 * time.Millisecond
	f.HealthyProbeLatencyThreshold = 20 * time.Millisecond
	f.HealthyInterval = 10 * time.Millisecond
	f.UnhealthySamplingInterval = 2 * time.Millisecond
	f.UnhealthyOperationLatencyThreshold = func() (time.Duration, bool) { return 10 * time.Millisecond, true }
	setLevels(o, 10, 4096)
	d, err := open(dir, o)
	check(err)
	write := func(n int) {
		for ; n > 0; n-- {
			b := d.NewBatch()
			for i := r.Intn(4); i >= 0; i-- {
				k := []byte(fmt.Sprintf("key%05d", r.Intn(400)))
				switch p := r.Intn(100); {
				case p < 85:
					value := make([]byte, r.Intn(20<<r.Intn(6)))
					for i := range value {
						value[i] = byte('a' + r.Intn(4))
					}
					check(b.Set(k, value, nil))
				case p < 95:
					check(b.Delete(k, nil))
				default:
					check(b.LogData([]byte("said in passing"), nil))
				}
			}
			o := sync
			if r.Intn(3) == 0 {
				o = noSync
			}
			check(b.Commit(o))
		}
	}
	for n := 1 + r.Intn(4); n > 0; n-- {
		write(5 + r.Intn(40))
		stalled.Store(true)
		write(5 + r.Intn(30))
		if n == 1 && r.Intn(3) > 0 {
			break
		}
		stalled.Store(false)
		write(3 + r.Intn(20))
		time.Sleep(time.Duration(r.Intn(60)) * time.Millisecond)
		write(3)
		if r.Intn(4) == 0 {
			check(d.Flush())
		}
	}
	if stalled.Load() || r.Intn(2) == 0 {
		check(syscall.Kill(os.Getpid(), syscall.SIGKILL))
		select {}
	}
	check(d.Close())
}
