package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"
)

const (
	commitSlices = 10
	rawPerSlice  = 50
)

// Badger's bulk writer, which sizes its own transactions; the waiting time is per `batch` entries.
func (b *Bench) load(step Step) *Measure {
	batch := b.db.NewWriteBatch()
	var waits []float64
	start := time.Now()
	before := start
	done := 0
	for done < b.job.Count {
		to := min(done+step.Batch, b.job.Count)
		for i := done; i < to; i++ {
			check(batch.Set(b.keys.fresh(i), b.values.at(i)))
		}
		done = to
		now := time.Now()
		waits = append(waits, ms(now.Sub(before)))
		before = now
		if step.LimitMs > 0 && ms(now.Sub(start)) > step.LimitMs {
			break
		}
	}
	check(batch.Flush())
	b.count = done
	return withWaits(&Measure{Name: step.Name, Ops: done, Ms: ms(time.Since(start))}, waits)
}

// Until no level is above its target and the tables have not changed for a while. Badger has no call
// that writes the memtable: Close does it.
func (b *Bench) settle() {
	check(b.db.Close())
	b.db = openBadger(b.job)
	seen := ""
	for quiet := 0; quiet < 10; quiet++ {
		time.Sleep(20 * time.Millisecond)
		state := ""
		for _, level := range b.db.Levels() {
			state += fmt.Sprintf("%d:%d:%d ", level.Level, level.NumTables, level.Size)
			if level.Score >= 1 {
				quiet = 0
			}
		}
		if state != seen {
			quiet = 0
		}
		seen = state
	}
}

// Every step draws other keys.
func (b *Bench) draw() Xorshift {
	b.turn++
	return Xorshift{accessSeed + b.turn - 1}
}

func (b *Bench) get(key []byte) ([]byte, error) {
	var value []byte
	err := b.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if err != nil {
			return err
		}
		value, err = item.ValueCopy(nil)
		return err
	})
	return value, err
}

func (b *Bench) gets(step Step) *Measure {
	random := b.draw()
	offset, want := 0, step.Ops
	if step.Miss {
		offset, want = b.job.Count, 0
	}
	found := 0
	start := time.Now()
	for range step.Ops {
		value, err := b.get(b.keys.at(offset + random.below(b.count)))
		if err == nil && len(value) == b.job.ValueBytes {
			found++
		} else if err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
			check(err)
		}
	}
	took := ms(time.Since(start))
	if found != want {
		check(fmt.Errorf("%s: %d of %d found", step.Name, found, step.Ops))
	}
	return &Measure{Name: step.Name, Ops: step.Ops, Ms: took}
}

// "prefetch" is the default iterator, which fetches values ahead; "entries" copies what that has fetched;
// the others fetch nothing ahead, which is faster where values are small or mapped.
func (b *Bench) scan(step Step) *Measure {
	opts := badger.DefaultIteratorOptions
	opts.Reverse = step.How == "reverse"
	opts.PrefetchValues = step.How == "entries" || step.How == "prefetch"
	count, size := 0, 0
	start := time.Now()
	check(b.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(opts)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			item := it.Item()
			count++
			size += len(item.Key())
			switch step.How {
			case "keys":
			case "entries":
				value, err := item.ValueCopy(nil)
				if err != nil {
					return err
				}
				size += touch(value) + len(item.KeyCopy(nil))
			default:
				if err := item.Value(func(value []byte) error { size += touch(value); return nil }); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	took := ms(time.Since(start))
	if count != b.count || size == 0 {
		check(fmt.Errorf("%s: walked %d of %d", step.Name, count, b.count))
	}
	return &Measure{Name: step.Name, Ops: count, Ms: took}
}

// Looks at both ends of a value, as somebody who wants it would: a mapped page is really read.
func touch(value []byte) int { return int(value[0]) + int(value[len(value)-1]) + 1 }

func (b *Bench) shortRange(key []byte, length int) int {
	opts := badger.DefaultIteratorOptions
	opts.PrefetchValues = false
	count, size := 0, 0
	check(b.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(opts)
		defer it.Close()
		for it.Seek(key); it.Valid() && count < length; it.Next() {
			count++
			if err := it.Item().Value(func(value []byte) error { size += touch(value); return nil }); err != nil {
				return err
			}
		}
		return nil
	}))
	if size == 0 {
		return 0
	}
	return count
}

func (b *Bench) ranges(step Step) *Measure {
	random := b.draw()
	start := time.Now()
	entries := 0
	for range step.Ops {
		entries += b.shortRange(b.keys.at(random.below(b.count)), step.Length)
	}
	took := ms(time.Since(start))
	if float64(entries) < 0.9*float64(step.Ops*step.Length) {
		check(fmt.Errorf("%s: only %d entries", step.Name, entries))
	}
	return &Measure{Name: step.Name, Ops: step.Ops, Ms: took}
}

func (b *Bench) writes(step Step, write func(key, value []byte) error) *Measure {
	random := b.draw()
	waits := make([]float64, 0, step.Ops)
	start := time.Now()
	before := start
	for range step.Ops {
		index := random.below(b.count)
		check(write(b.keys.fresh(index), b.values.at(index+1)))
		now := time.Now()
		waits = append(waits, ms(now.Sub(before)))
		before = now
	}
	return withWaits(&Measure{Name: step.Name, Ops: step.Ops, Ms: ms(before.Sub(start))}, waits)
}

// One goroutine per writer. In slices, a bare append and sync beside each, for the disk's own pace
// changes from second to second.
func (b *Bench) commits(step Step) *Measure {
	random := b.draw()
	indexes := make([]int, step.Ops)
	for i := range indexes {
		indexes[i] = random.below(b.count)
	}
	raw, err := os.Create(b.job.Directory + ".raw")
	check(err)
	record := make([]byte, keyBytes+b.job.ValueBytes+24)
	waits := make([]float64, step.Ops)
	var took, rawTook time.Duration
	var begun atomic.Int64
	for slice := 1; slice <= commitSlices; slice++ {
		end := int64(step.Ops * slice / commitSlices)
		var writers sync.WaitGroup
		start := time.Now()
		for range step.Writers {
			writers.Add(1)
			go func() {
				defer writers.Done()
				for {
					i := begun.Load()
					if i >= end {
						return
					}
					if begun.CompareAndSwap(i, i+1) {
						b.commit(indexes[i], &waits[i])
					}
				}
			}()
		}
		writers.Wait()
		middle := time.Now()
		for range rawPerSlice {
			_, err := raw.Write(record)
			check(err)
			check(syscall.Fdatasync(int(raw.Fd())))
		}
		took += middle.Sub(start)
		rawTook += time.Since(middle)
	}
	check(raw.Close())
	check(os.Remove(raw.Name()))
	rate := rawPerSlice * commitSlices * 1000 / ms(rawTook)
	return withWaits(&Measure{Name: step.Name, Ops: step.Ops, Ms: ms(took), RawRate: &rate}, waits)
}

func (b *Bench) commit(index int, wait *float64) {
	keys := b.keys
	before := time.Now()
	check(b.db.Update(func(txn *badger.Txn) error {
		return txn.Set(keys.fresh(index), b.values.at(index+1))
	}))
	*wait = ms(time.Since(before))
}

func (b *Bench) put(index int, value []byte) {
	check(b.db.Update(func(txn *badger.Txn) error { return txn.Set(b.keys.fresh(index), value) }))
}

func (b *Bench) mustGet(index int) {
	if _, err := b.get(b.keys.at(index)); err != nil {
		fmt.Fprintln(os.Stderr, "a key is missing")
		check(err)
	}
}

func (b *Bench) ycsb(step Step) *Measure {
	mixes := map[string][4]int{ // update, insert, scan, modify: percent
		"A": {50, 0, 0, 0}, "B": {5, 0, 0, 0}, "C": {0, 0, 0, 0},
		"D": {0, 5, 0, 0}, "E": {0, 5, 95, 0}, "F": {0, 0, 0, 50},
	}
	update, insert, scan, modify := mixes[step.Workload][0], mixes[step.Workload][1], mixes[step.Workload][2], mixes[step.Workload][3]
	random := &Xorshift{ycsbSeed}
	zipf := newZipf(b.count, random)
	start := time.Now()
	for i := range step.Ops {
		dice := random.below(100)
		if dice < insert {
			b.put(b.count, b.values.at(b.count))
			b.count++
			continue
		}
		var index int
		if step.Workload == "D" {
			index = b.count - 1 - zipf.rank()
		} else {
			index = zipf.scattered()
		}
		switch {
		case dice < insert+update:
			b.put(index, b.values.at(i))
		case dice < insert+update+modify:
			b.mustGet(index)
			b.put(index, b.values.at(i))
		case dice < insert+update+modify+scan:
			b.shortRange(b.keys.at(index), 1+random.below(100))
		default:
			b.mustGet(index)
		}
	}
	return &Measure{Name: step.Name, Ops: step.Ops, Ms: ms(time.Since(start))}
}

func withWaits(m *Measure, waits []float64) *Measure {
	if len(waits) == 0 {
		return m
	}
	slices.Sort(waits)
	rank := func(fraction float64) *float64 {
		i := min(len(waits)-1, int(math.Ceil(fraction*float64(len(waits))))-1)
		return &waits[i]
	}
	m.P99Ms, m.P999Ms, m.MaxMs = rank(0.99), rank(0.999), &waits[len(waits)-1]
	return m
}
