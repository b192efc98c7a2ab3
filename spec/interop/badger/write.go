package main

import (
	"errors"
	"math"
	"os"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/ristretto/v2/z"
)

// entry is one write.
type entry struct {
	Key       []byte `json:"key"`
	Value     []byte `json:"value"`
	UserMeta  byte   `json:"userMeta"`
	ExpiresAt uint64 `json:"expiresAt"`
	// TTL is in seconds from now.
	TTL     uint64 `json:"ttl"`
	Delete  bool   `json:"delete"`
	Discard bool   `json:"discard"`
	// Version counts in managed batches and streams only.
	Version uint64 `json:"version"`
	// StreamID, StreamDone and Meta are for streams only.
	StreamID   uint32 `json:"streamId"`
	StreamDone bool   `json:"streamDone"`
	Meta       byte   `json:"meta"`
}

func (e *entry) badgerEntry() *badger.Entry {
	made := badger.NewEntry(e.Key, e.Value).WithMeta(e.UserMeta)
	made.ExpiresAt = e.ExpiresAt
	if e.TTL > 0 {
		made = made.WithTTL(time.Duration(e.TTL) * time.Second)
	}
	if e.Discard {
		made = made.WithDiscard()
	}
	return made
}

// commit runs transactions one after the other and returns their versions. In managed mode the
// first entry of each names its version.
func commit(state *session, req *request) (any, error) {
	versions := make([]uint64, 0, len(req.Transactions))
	for _, entries := range req.Transactions {
		version, err := commitOne(state, entries)
		if err != nil {
			return nil, err
		}
		versions = append(versions, version)
	}
	return versions, nil
}

func commitOne(state *session, entries []entry) (uint64, error) {
	txn := begin(state, true)
	defer txn.Discard()
	for i := range entries {
		var err error
		if entries[i].Delete {
			err = txn.Delete(entries[i].Key)
		} else {
			err = txn.SetEntry(entries[i].badgerEntry())
		}
		if err != nil {
			return 0, err
		}
	}
	if state.managed {
		return entries[0].Version, txn.CommitAt(entries[0].Version, nil)
	}
	if err := txn.Commit(); err != nil {
		return 0, err
	}
	// Nobody else writes: the newest version is this one.
	return state.db.MaxVersion(), nil
}

func begin(state *session, update bool) *badger.Txn {
	if state.managed {
		return state.db.NewTransactionAt(math.MaxUint64, update)
	}
	return state.db.NewTransaction(update)
}

// batch writes through a WriteBatch; in managed mode every entry has its own version.
func batch(state *session, req *request) (any, error) {
	var writer *badger.WriteBatch
	if state.managed {
		writer = state.db.NewManagedWriteBatch()
	} else {
		writer = state.db.NewWriteBatch()
	}
	defer writer.Cancel()
	for i := range req.Entries {
		if err := batchOne(state, writer, &req.Entries[i]); err != nil {
			return nil, err
		}
	}
	if err := writer.Flush(); err != nil {
		return nil, err
	}
	return state.db.MaxVersion(), nil
}

func batchOne(state *session, writer *badger.WriteBatch, e *entry) error {
	switch {
	case state.managed && e.Delete:
		return writer.DeleteAt(e.Key, e.Version)
	case state.managed:
		return writer.SetEntryAt(e.badgerEntry(), e.Version)
	case e.Delete:
		return writer.Delete(e.Key)
	default:
		return writer.SetEntry(e.badgerEntry())
	}
}

func joined(older, newer []byte) []byte {
	return append(append([]byte{}, older...), newer...)
}

// mergeOperator makes an operator that never gets to joining what was added.
func mergeOperator(state *session, key []byte) *badger.MergeOperator {
	return state.db.GetMergeOperator(key, joined, 1000*time.Hour)
}

// merge adds operands.
func merge(state *session, req *request) (any, error) {
	versions := make([]uint64, 0, len(req.Entries))
	for i := range req.Entries {
		if err := mergeOperator(state, req.Entries[i].Key).Add(req.Entries[i].Value); err != nil {
			return nil, err
		}
		versions = append(versions, state.db.MaxVersion())
	}
	return versions, nil
}

// merged returns all operands of a key, joined.
func merged(state *session, req *request) (any, error) {
	return mergeOperator(state, req.Keys[0]).Get()
}

// streamWrite loads sorted entries with a StreamWriter.
func streamWrite(state *session, req *request) (any, error) {
	writer := state.db.NewStreamWriter()
	prepare := writer.Prepare
	if req.Incremental {
		prepare = writer.PrepareIncremental
	}
	if err := prepare(); err != nil {
		return nil, err
	}
	buffer := z.NewBuffer(1<<16, "interop")
	defer func() { _ = buffer.Release() }()
	for i := range req.Entries {
		e := &req.Entries[i]
		badger.KVToBuffer(&pb.KV{
			Key: e.Key, Value: e.Value, UserMeta: []byte{e.UserMeta}, Version: e.Version,
			ExpiresAt: e.ExpiresAt, Meta: []byte{e.Meta}, StreamId: max(e.StreamID, 1),
			StreamDone: e.StreamDone,
		}, buffer)
	}
	if err := writer.Write(buffer); err != nil {
		return nil, err
	}
	return state.db.MaxVersion(), writer.Flush()
}

func load(state *session, req *request) (any, error) {
	file, err := os.Open(req.File)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := state.db.Load(file, 16); err != nil {
		return nil, err
	}
	return state.db.MaxVersion(), nil
}

func drop(state *session, req *request) (any, error) {
	if len(req.Keys) == 0 {
		return nil, state.db.DropAll()
	}
	return nil, state.db.DropPrefix(req.Keys...)
}

func ban(state *session, req *request) (any, error) {
	return state.db.BannedNamespaces(), state.db.BanNamespace(req.Namespace)
}

// sequence hands out numbers and does not give back what is left of the lease.
func sequence(state *session, req *request) (any, error) {
	numbers, err := state.db.GetSequence(req.Keys[0], 100)
	if err != nil {
		return nil, err
	}
	handed := []uint64{}
	for range req.Count {
		number, err := numbers.Next()
		if err != nil {
			return nil, err
		}
		handed = append(handed, number)
	}
	return handed, nil
}

func flatten(state *session, _ *request) (any, error) {
	return nil, state.db.Flatten(1)
}

// collect rewrites value-log files until none is worth it, and returns how many were.
func collect(state *session, req *request) (any, error) {
	for count := 0; ; count++ {
		err := state.db.RunValueLogGC(req.Ratio)
		if errors.Is(err, badger.ErrNoRewrite) {
			return count, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func setDiscardTs(state *session, req *request) (any, error) {
	state.db.SetDiscardTs(req.Version)
	return nil, nil
}

func syncFiles(state *session, _ *request) (any, error) {
	return nil, state.db.Sync()
}
