package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Twin of ../churn.ts: the same writes, with the maintenance that Badger's documentation asks for.

const (
	churnSeed     = 521288629
	ttlSeconds    = 4
	deletePercent = 5
	expirePercent = 10
	hotPercent    = 90
	hotKeys       = 10
	quietTime     = 2 * time.Second
	pollTime      = 200 * time.Millisecond
	collectEvery  = 2 * time.Second
	discardRatio  = 0.5
)

func churnSize(dice uint32) int {
	spread := int(mix(dice))
	switch kind := dice % 100; {
	case kind < 70:
		return 64 + spread%449
	case kind < 95:
		return 1024 + spread%3073
	default:
		return 8192 + spread%24577
	}
}

// "for every tick, call RunValueLogGC until it finds nothing": the loop of Badger's documentation, which ticks
// every five minutes. In a run that is over after one, more often.
func (b *Bench) collect() {
	for range time.Tick(collectEvery) {
		for b.db.RunValueLogGC(discardRatio) == nil {
		}
	}
}

func (b *Bench) churn(step Step) *Measure {
	random := Xorshift{churnSeed}
	sizes := make([]int, b.count)
	expires := make([]bool, b.count)
	var waits []float64
	userBytes := 0
	start := time.Now()
	timed := func(call func(txn *badger.Txn) error) {
		before := time.Now()
		check(b.db.Update(call))
		waits = append(waits, ms(time.Since(before)))
	}
	put := func(index int, dice uint32, expiring bool) {
		size := churnSize(dice)
		key, value := b.keys.fresh(index), b.values.sized(int(dice%1_000_000), size)
		timed(func(txn *badger.Txn) error {
			entry := badger.NewEntry(key, value)
			if expiring {
				entry = entry.WithTTL(ttlSeconds * time.Second)
			}
			return txn.SetEntry(entry)
		})
		sizes[index], expires[index] = size, expiring
		userBytes += keyBytes + size
	}
	for i := range b.count {
		put(i, random.next(), false)
	}
	goal := userBytes * step.Times
	for userBytes < goal {
		dice := random.next()
		reach := b.count
		if mix(dice)%100 < hotPercent {
			reach = int(math.Ceil(float64(b.count) / hotKeys))
		}
		index := random.below(reach)
		kind := random.below(100)
		if kind < deletePercent {
			key := b.keys.fresh(index)
			timed(func(txn *badger.Txn) error { return txn.Delete(key) })
			sizes[index], expires[index] = 0, false
			userBytes += keyBytes
		} else {
			put(index, dice, kind < deletePercent+expirePercent)
		}
	}
	took := ms(time.Since(start))
	time.Sleep((ttlSeconds + 1) * time.Second)
	live := b.checkLive(sizes, expires)
	measure := &Measure{Name: step.Name, Ops: len(waits), Ms: took, UserBytes: &userBytes, LiveBytes: &live}
	return withWaits(measure, waits)
}

// Bytes that ought to be there; every one of them is looked up.
func (b *Bench) checkLive(sizes []int, expires []bool) int {
	live := 0
	for i, size := range sizes {
		if expires[i] {
			size = 0
		}
		value, err := b.get(b.keys.at(i))
		if err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
			check(err)
		}
		if len(value) != size {
			check(fmt.Errorf("key %d: %d bytes instead of %d", i, len(value), size))
		}
		if size > 0 {
			live += keyBytes + size
		}
	}
	return live
}

// Returns once the directory has not changed its size for a while; the waiting is not counted.
func (b *Bench) quiet(step Step) *Measure {
	limit := time.Duration(step.LimitMs) * time.Millisecond
	start := time.Now()
	changed := start
	seen := int64(-1)
	for time.Since(start) < limit && time.Since(changed) < quietTime {
		time.Sleep(pollTime)
		if size := bytesOnDisk(b.job.Directory); size != seen {
			changed, seen = time.Now(), size
		}
	}
	return &Measure{Name: step.Name, Ops: 1, Ms: ms(changed.Sub(start))}
}

// Allocated bytes, not lengths: Badger makes its mapped files larger than it fills them.
func bytesOnDisk(directory string) int64 {
	total := int64(0)
	_ = filepath.WalkDir(directory, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				total += stat.Blocks * 512
			}
		}
		return nil
	})
	return total
}
