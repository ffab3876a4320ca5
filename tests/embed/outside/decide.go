// Decisions from Go, by cgo.
package main

/*
#cgo pkg-config: weir
#include <stdlib.h>
#include <weir/weir.h>
*/
import "C"

import (
	"fmt"
	"os"
	"unsafe"
)

const config = `{"providers": [{"name": "a", "type": "loopback"}, {"name": "b", "type": "loopback"}],
 "models": [{"provider": "a", "id": "m", "alias": "chat"}, {"provider": "b", "id": "m", "alias": "chat"}]}`

// The text lives in C's memory until free is called.
func text(s string) (t C.weir_text, free func()) {
	p := C.CString(s)
	return C.weir_text{data: p, size: C.size_t(len(s))}, func() { C.free(unsafe.Pointer(p)) }
}

func main() {
	rules, freeRules := text(config)
	defer freeRules()
	var failure C.weir_error
	failure.struct_size = C.sizeof_weir_error
	router := C.weir_router_create(rules, nil, &failure)
	if router == nil {
		fmt.Println(C.GoString(&failure.message[0]))
		os.Exit(1)
	}
	defer C.weir_router_free(router)
	decider := C.weir_decider_create(router, 0)
	defer C.weir_decider_free(decider)
	body, freeBody := text(`{"model": "chat", "messages": []}`)
	defer freeBody()
	for now := 1; now <= 4; now++ {
		question := C.weir_question{struct_size: C.sizeof_weir_question, body: body,
			now_ns: C.uint64_t(now)}
		verdict := C.weir_verdict{struct_size: C.sizeof_weir_verdict}
		decision := C.weir_decide(decider, &question, &verdict)
		if decision == nil {
			fmt.Println("refused:", verdict.status)
			os.Exit(2)
		}
		fmt.Println(C.GoStringN(verdict.provider.data, C.int(verdict.provider.size)))
		outcome := C.weir_outcome{struct_size: C.sizeof_weir_outcome, now_ns: C.uint64_t(now)}
		C.weir_report(decider, decision, &outcome, nil)
	}
}
