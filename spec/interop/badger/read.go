package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/dgraph-io/badger/v4"
)

// version is one stored version of a key.
type version struct {
	Key       []byte `json:"key"`
	Value     []byte `json:"value"`
	Version   uint64 `json:"version"`
	UserMeta  byte   `json:"userMeta"`
	ExpiresAt uint64 `json:"expiresAt"`
	Deleted   bool   `json:"deleted"`
	Discard   bool   `json:"discard"`
	// Unreadable: the value's record cannot be had; Badger logs that and returns an empty value.
	Unreadable bool `json:"unreadable"`
}

func describe(state *session, item *badger.Item) (version, error) {
	earlier := state.log.failureCount()
	value, err := item.ValueCopy(nil)
	isUnreadable := state.log.failureCount() > earlier
	state.log.forgetAfter(earlier)
	return version{
		Key: item.KeyCopy(nil), Value: list(value), Version: item.Version(), UserMeta: item.UserMeta(),
		ExpiresAt: item.ExpiresAt(), Deleted: item.IsDeletedOrExpired(),
		Discard: item.DiscardEarlierVersions(), Unreadable: isUnreadable,
	}, err
}

// dump reads everything there is: all versions, and what is live. Point reads and a backward scan
// have to agree with the forward scan.
func dump(state *session, req *request) (any, error) {
	txn := begin(state, false)
	defer txn.Discard()
	versions, err := scan(state, txn, badger.IteratorOptions{
		AllVersions: true, PrefetchValues: false, SinceTs: req.Since, InternalAccess: req.Internal,
	})
	if err != nil {
		return nil, err
	}
	live, err := scan(state, txn, badger.IteratorOptions{
		PrefetchValues: false, SinceTs: req.Since, InternalAccess: req.Internal,
	})
	if err != nil {
		return nil, err
	}
	if req.Since == 0 {
		if err := comparePointReads(state, txn, versions, live); err != nil {
			return nil, err
		}
		if err := compareBackward(state, txn, live, req.Internal); err != nil {
			return nil, err
		}
	}
	failures, warnings := state.log.take()
	return map[string]any{
		"versions": versions, "live": live, "errors": list(failures), "warnings": list(warnings),
	}, nil
}

func scan(state *session, txn *badger.Txn, options badger.IteratorOptions) ([]version, error) {
	iterator := txn.NewIterator(options)
	defer iterator.Close()
	found := []version{}
	for iterator.Rewind(); iterator.Valid(); iterator.Next() {
		one, err := describe(state, iterator.Item())
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, nil
}

func comparePointReads(state *session, txn *badger.Txn, versions []version, live []version) error {
	next := 0
	for i := range versions {
		key := versions[i].Key
		if i > 0 && bytes.Equal(key, versions[i-1].Key) {
			continue
		}
		isLive := next < len(live) && bytes.Equal(live[next].Key, key)
		item, err := txn.Get(key)
		switch {
		case errors.Is(err, badger.ErrKeyNotFound) && !isLive:
		case err != nil:
			return fmt.Errorf("get %x: %w", key, err)
		case !isLive:
			return fmt.Errorf("get %x finds version %d, the scan nothing", key, item.Version())
		default:
			one, err := describe(state, item)
			if err != nil {
				return err
			}
			if one.Version != live[next].Version || !bytes.Equal(one.Value, live[next].Value) {
				return fmt.Errorf("get %x finds version %d, the scan %d", key, one.Version, live[next].Version)
			}
		}
		if isLive {
			next++
		}
	}
	if next != len(live) {
		return fmt.Errorf("%d live entries, %d of them among all versions", len(live), next)
	}
	return nil
}

func compareBackward(state *session, txn *badger.Txn, live []version, internal bool) error {
	backward, err := scan(state, txn, badger.IteratorOptions{Reverse: true, InternalAccess: internal})
	if err != nil {
		return err
	}
	if len(backward) != len(live) {
		return fmt.Errorf("%d live entries forward, %d backward", len(live), len(backward))
	}
	for i := range live {
		other := &backward[len(live)-1-i]
		if !bytes.Equal(other.Key, live[i].Key) || other.Version != live[i].Version {
			return fmt.Errorf("forward %x@%d, backward %x@%d", live[i].Key, live[i].Version, other.Key, other.Version)
		}
	}
	return nil
}

// verify checks every block of every table, and through a dump every value.
func verify(state *session, _ *request) (any, error) {
	return nil, state.db.VerifyChecksum()
}

func backup(state *session, req *request) (any, error) {
	file, err := os.Create(req.File)
	if err != nil {
		return nil, err
	}
	newest, err := state.db.Backup(file, req.Since)
	return newest, errors.Join(err, file.Close())
}

type table struct {
	ID       uint64 `json:"id"`
	Level    int    `json:"level"`
	KeyCount uint32 `json:"keyCount"`
	// Left and Right are internal keys.
	Left             []byte `json:"left"`
	Right            []byte `json:"right"`
	MaxVersion       uint64 `json:"maxVersion"`
	OnDiskSize       uint32 `json:"onDiskSize"`
	StaleDataSize    uint32 `json:"staleDataSize"`
	UncompressedSize uint32 `json:"uncompressedSize"`
	BloomFilterSize  int    `json:"bloomFilterSize"`
}

// structure describes the tables and asks for the banned namespaces.
func structure(state *session, _ *request) (any, error) {
	tables := []table{}
	for _, t := range state.db.Tables() {
		tables = append(tables, table{
			ID: t.ID, Level: t.Level, KeyCount: t.KeyCount, Left: t.Left, Right: t.Right,
			MaxVersion: t.MaxVersion, OnDiskSize: t.OnDiskSize, StaleDataSize: t.StaleDataSize,
			UncompressedSize: t.UncompressedSize, BloomFilterSize: t.BloomFilterSize,
		})
	}
	return map[string]any{
		"tables": tables, "maxVersion": state.db.MaxVersion(),
		"bannedNamespaces": list(state.db.BannedNamespaces()),
	}, nil
}
