// The real Badger as a peer: does a job of ../job.ts with the same keys, values and order of accesses
// as the stores in TypeScript, and prints a line of JSON per measure.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

type Job struct {
	Directory      string `json:"directory"`
	KeyOrder       string `json:"keyOrder"`
	Count          int    `json:"count"`
	ValueBytes     int    `json:"valueBytes"`
	Durability     string `json:"durability"`
	CacheBytes     int64  `json:"cacheBytes"`
	MemtableBytes  int64  `json:"memtableBytes"`
	ValueThreshold int64  `json:"valueThreshold"`
	ValueLogBytes  int64  `json:"valueLogFileBytes"`
	WatchesSpace   bool   `json:"watchesSpace"`
	Steps          []Step `json:"steps"`
}

type Step struct {
	Kind     string  `json:"kind"`
	Name     string  `json:"name"`
	Batch    int     `json:"batch"`
	LimitMs  float64 `json:"limitMs"`
	Ops      int     `json:"ops"`
	Miss     bool    `json:"miss"`
	How      string  `json:"how"`
	Length   int     `json:"length"`
	Writers  int     `json:"writers"`
	Workload string  `json:"workload"`
	Times    int     `json:"times"`
}

type Measure struct {
	Name   string   `json:"name"`
	Ops    int      `json:"ops"`
	Ms     float64  `json:"ms"`
	P99Ms  *float64 `json:"p99Ms,omitempty"`
	P999Ms *float64 `json:"p999Ms,omitempty"`
	MaxMs  *float64 `json:"maxMs,omitempty"`

	RawRate   *float64 `json:"rawRate,omitempty"`
	UserBytes *int     `json:"userBytes,omitempty"`
	LiveBytes *int     `json:"liveBytes,omitempty"`
}

type Bench struct {
	job    Job
	db     *badger.DB
	keys   Keys
	values Values
	// Entries in the database by now.
	count int
	// How many steps have drawn keys.
	turn uint32
	// What opening took.
	opening time.Duration
}

// Badger's defaults but for what the job fixes for all stores. Without compression Badger advises
// against a block cache: its tables are mapped, and the cache would be a second copy.
func openBadger(job Job) *badger.DB {
	opts := badger.DefaultOptions(job.Directory).
		WithLogger(nil).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithMemTableSize(job.MemtableBytes).
		WithValueThreshold(job.ValueThreshold).
		WithValueLogFileSize(job.ValueLogBytes).
		WithSyncWrites(job.Durability == "power")
	db, err := badger.Open(opts)
	check(err)
	return db
}

func main() {
	var job Job
	check(json.Unmarshal([]byte(os.Args[1]), &job))
	start := time.Now()
	db := openBadger(job)
	b := &Bench{
		job:     job,
		db:      db,
		keys:    Keys{sequential: job.KeyOrder == "sequential"},
		values:  newValues(job.ValueBytes),
		count:   job.Count,
		opening: time.Since(start),
	}
	if job.WatchesSpace {
		go b.collect()
	}
	for _, step := range job.Steps {
		if measure := b.run(step); measure != nil {
			line, err := json.Marshal(measure)
			check(err)
			fmt.Println(string(line))
		}
	}
	check(b.db.Close())
}

func (b *Bench) run(step Step) *Measure {
	switch step.Kind {
	case "load":
		return b.load(step)
	case "open":
		return &Measure{Name: step.Name, Ops: 1, Ms: ms(b.opening)}
	case "crash":
		check(syscall.Kill(syscall.Getpid(), syscall.SIGKILL))
		select {}
	case "churn":
		return b.churn(step)
	case "quiet":
		return b.quiet(step)
	case "clear":
		return b.timed(step.Name, b.count, func() {
			for i := range b.count {
				key := b.keys.fresh(i)
				check(b.db.Update(func(txn *badger.Txn) error { return txn.Delete(key) }))
			}
		})
	case "settle":
		return b.timed(step.Name, 1, b.settle)
	case "reopen":
		return b.timed(step.Name, 1, func() {
			check(b.db.Close())
			b.db = openBadger(b.job)
		})
	case "get":
		return b.gets(step)
	case "scan":
		return b.scan(step)
	case "ranges":
		return b.ranges(step)
	case "puts":
		return b.writes(step, func(key, value []byte) error {
			return b.db.Update(func(txn *badger.Txn) error { return txn.Set(key, value) })
		})
	case "updates":
		return b.writes(step, func(key, value []byte) error {
			return b.db.Update(func(txn *badger.Txn) error {
				item, err := txn.Get(key)
				if err != nil {
					return err
				}
				if err := item.Value(func([]byte) error { return nil }); err != nil {
					return err
				}
				return txn.Set(key, value)
			})
		})
	case "commits":
		return b.commits(step)
	case "ycsb":
		return b.ycsb(step)
	}
	return nil
}

func (b *Bench) timed(name string, ops int, run func()) *Measure {
	start := time.Now()
	run()
	return &Measure{Name: name, Ops: ops, Ms: ms(time.Since(start))}
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
