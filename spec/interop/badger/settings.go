package main

import (
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// settings are the options of a database; what is absent keeps Badger's default, except that every
// checksum is verified and the memory is that of a small database.
type settings struct {
	Managed              bool     `json:"managed"`
	ReadOnly             bool     `json:"readOnly"`
	ValueDir             *string  `json:"valueDir"`
	MemTableSize         *int64   `json:"memTableSize"`
	ValueThreshold       *int64   `json:"valueThreshold"`
	ValueLogFileSize     *int64   `json:"valueLogFileSize"`
	ValueLogMaxEntries   *uint32  `json:"valueLogMaxEntries"`
	Compression          *uint32  `json:"compression"`
	EncryptionKey        []byte   `json:"encryptionKey"`
	EncryptionRotationMs *int64   `json:"encryptionRotationMs"`
	IndexCacheSize       *int64   `json:"indexCacheSize"`
	BlockCacheSize       *int64   `json:"blockCacheSize"`
	VersionsToKeep       *int     `json:"versionsToKeep"`
	NamespaceOffset      *int     `json:"namespaceOffset"`
	ExternalMagic        *uint16  `json:"externalMagic"`
	BaseTableSize        *int64   `json:"baseTableSize"`
	BaseLevelSize        *int64   `json:"baseLevelSize"`
	BlockSize            *int     `json:"blockSize"`
	BloomFalsePositive   *float64 `json:"bloomFalsePositive"`
	MaxLevels            *int     `json:"maxLevels"`
	Compactors           *int     `json:"compactors"`
	LevelZeroTables      *int     `json:"levelZeroTables"`
	CompactOnClose       bool     `json:"compactOnClose"`
	SyncWrites           bool     `json:"syncWrites"`
	// ChecksumMode is 0 never, 1 at open, 2 at block reads, 3 (the default here) both.
	ChecksumMode        *int  `json:"checksumMode"`
	VerifyValueChecksum *bool `json:"verifyValueChecksum"`
}

func (s *settings) badgerOptions(dir string, log *recorder) badger.Options {
	o := badger.DefaultOptions(dir)
	o.Logger = log
	o.ChecksumVerificationMode = options.OnTableAndBlockRead
	o.VerifyValueChecksum = true
	o.BlockCacheSize = 8 << 20
	o.MetricsEnabled = false
	o.ReadOnly = s.ReadOnly
	o.CompactL0OnClose = s.CompactOnClose
	o.SyncWrites = s.SyncWrites
	o.EncryptionKey = s.EncryptionKey
	if len(s.EncryptionKey) > 0 {
		o.IndexCacheSize = 8 << 20
	}
	set(&o.ValueDir, s.ValueDir)
	set(&o.MemTableSize, s.MemTableSize)
	set(&o.ValueThreshold, s.ValueThreshold)
	set(&o.ValueLogFileSize, s.ValueLogFileSize)
	set(&o.ValueLogMaxEntries, s.ValueLogMaxEntries)
	set(&o.IndexCacheSize, s.IndexCacheSize)
	set(&o.BlockCacheSize, s.BlockCacheSize)
	set(&o.NumVersionsToKeep, s.VersionsToKeep)
	set(&o.NamespaceOffset, s.NamespaceOffset)
	set(&o.ExternalMagicVersion, s.ExternalMagic)
	set(&o.BaseTableSize, s.BaseTableSize)
	set(&o.BaseLevelSize, s.BaseLevelSize)
	set(&o.BlockSize, s.BlockSize)
	set(&o.BloomFalsePositive, s.BloomFalsePositive)
	set(&o.MaxLevels, s.MaxLevels)
	set(&o.NumCompactors, s.Compactors)
	set(&o.NumLevelZeroTables, s.LevelZeroTables)
	set(&o.VerifyValueChecksum, s.VerifyValueChecksum)
	if s.Compression != nil {
		o.Compression = options.CompressionType(*s.Compression)
	}
	if s.ChecksumMode != nil {
		o.ChecksumVerificationMode = options.ChecksumVerificationMode(*s.ChecksumMode)
	}
	if s.EncryptionRotationMs != nil {
		o.EncryptionKeyRotationDuration = time.Duration(*s.EncryptionRotationMs) * time.Millisecond
	}
	return o
}

func set[T any](target *T, given *T) {
	if given != nil {
		*target = *given
	}
}

// recorder keeps what Badger logs as warnings and errors: a pointer that cannot be followed, for
// instance, is logged and reads as an empty value.
type recorder struct {
	lock     sync.Mutex
	errors   []string
	warnings []string
}

func (r *recorder) Errorf(format string, arguments ...any) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.errors = append(r.errors, strings.TrimSpace(fmt.Sprintf(format, arguments...)))
}

func (r *recorder) Warningf(format string, arguments ...any) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.warnings = append(r.warnings, strings.TrimSpace(fmt.Sprintf(format, arguments...)))
}

func (r *recorder) Infof(string, ...any)  {}
func (r *recorder) Debugf(string, ...any) {}

func (r *recorder) failureCount() int {
	r.lock.Lock()
	defer r.lock.Unlock()
	return len(r.errors)
}

// forgetAfter drops all errors but the first ones.
func (r *recorder) forgetAfter(count int) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.errors = r.errors[:count]
}

// take returns what was logged since the last call.
func (r *recorder) take() (failures []string, warnings []string) {
	r.lock.Lock()
	defer r.lock.Unlock()
	failures, warnings = r.errors, r.warnings
	r.errors, r.warnings = nil, nil
	return failures, warnings
}

func open(state *session, req *request) (any, error) {
	if state.db != nil {
		return nil, fmt.Errorf("a database is open already")
	}
	log := &recorder{}
	o := req.Options.badgerOptions(req.Dir, log)
	openWith := badger.Open
	if req.Options.Managed {
		openWith = badger.OpenManaged
	}
	db, err := openWith(o)
	failures, warnings := log.take()
	if err != nil {
		return nil, err
	}
	state.db, state.managed, state.log = db, req.Options.Managed, log
	return map[string]any{
		"errors": list(failures), "warnings": list(warnings), "maxVersion": db.MaxVersion(),
		"maxBatchSize": db.MaxBatchSize(), "maxBatchCount": db.MaxBatchCount(),
	}, nil
}

func closeDatabase(state *session, _ *request) (any, error) {
	db := state.db
	state.db = nil
	err := db.Close()
	failures, _ := state.log.take()
	return map[string]any{"errors": list(failures)}, err
}

// properties tells which Badger this is.
func properties(*session, *request) (any, error) {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/dgraph-io/badger/v4" {
			return map[string]any{"badger": module.Version, "go": info.GoVersion}, nil
		}
	}
	return nil, fmt.Errorf("built without Badger")
}

// list makes an absent list an empty one, so that JSON has [] and not null.
func list[T any](given []T) []T {
	if given == nil {
		return []T{}
	}
	return given
}
