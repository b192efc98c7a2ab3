// Command interop drives the real Badger for the interoperability specs.
//
// It reads one JSON request per line from standard input and answers each with one JSON line on
// standard output: {"result": …} or {"error": "…"}. A process serves one database at a time. Panics
// and fatal assertions of Badger end it, and their text is on standard error. Byte strings travel
// as base64.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dgraph-io/badger/v4"
)

// request holds the fields of all operations; each one reads those it needs.
type request struct {
	Op           string    `json:"op"`
	Dir          string    `json:"dir"`
	Options      settings  `json:"options"`
	Transactions [][]entry `json:"transactions"`
	Entries      []entry   `json:"entries"`
	Keys         [][]byte  `json:"keys"`
	File         string    `json:"file"`
	Since        uint64    `json:"since"`
	Version      uint64    `json:"version"`
	Ratio        float64   `json:"ratio"`
	Namespace    uint64    `json:"namespace"`
	Count        int       `json:"count"`
	Internal     bool      `json:"internal"`
	Incremental  bool      `json:"incremental"`
	Code         int       `json:"code"`
}

type session struct {
	db      *badger.DB
	managed bool
	log     *recorder
}

type handler func(*session, *request) (any, error)

var handlers = map[string]handler{
	"open":       open,
	"close":      closeDatabase,
	"commit":     commit,
	"batch":      batch,
	"merge":      merge,
	"merged":     merged,
	"stream":     streamWrite,
	"ban":        ban,
	"sequence":   sequence,
	"drop":       drop,
	"dump":       dump,
	"verify":     verify,
	"backup":     backup,
	"load":       load,
	"flatten":    flatten,
	"collect":    collect,
	"discardTs":  setDiscardTs,
	"sync":       syncFiles,
	"structure":  structure,
	"properties": properties,
}

func main() {
	var state session
	in := bufio.NewReaderSize(os.Stdin, 1<<16)
	out := bufio.NewWriter(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return
		}
		var req request
		if err == nil {
			err = json.Unmarshal(line, &req)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "no request:", err)
			os.Exit(2)
		}
		// Ends the process as a crash would: nothing is closed, flushed or synced.
		if req.Op == "exit" {
			os.Exit(req.Code)
		}
		reply(out, answer(&state, &req))
	}
}

func answer(state *session, req *request) map[string]any {
	handle, known := handlers[req.Op]
	if !known {
		return map[string]any{"error": "no such operation: " + req.Op}
	}
	if state.db == nil && req.Op != "open" && req.Op != "properties" {
		return map[string]any{"error": req.Op + ": no database is open"}
	}
	result, err := handle(state, req)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return map[string]any{"result": result}
}

func reply(out *bufio.Writer, message map[string]any) {
	line, err := json.Marshal(message)
	if err == nil {
		_, _ = out.Write(append(line, '\n'))
		err = out.Flush()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "no reply:", err)
		os.Exit(2)
	}
}
