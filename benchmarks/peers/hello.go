// What podinfo's stack costs: plain net/http.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "200 OK") })
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "Hi, my name is web-1 and I'm a crashy app...\nBut I didn't crash... yet :D\n")
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
