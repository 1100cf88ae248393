// Panics and their goroutines: methods, closures, generics, what the library calls.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
)

type Cart struct{ prices map[string][]int }

func (c *Cart) Total(items []string) (total int) {
	sort.Slice(items, func(i, j int) bool { return c.price(items[i]) < c.price(items[j]) })
	return
}

func (c Cart) price(item string) int { return c.prices[item][0] }

func first[T any](values []T) T { return values[0] }

func deep(n int) int { return deep(n+1) + 1 }

func main() {
	switch os.Args[1] {
	case "panic":
		(&Cart{}).Total([]string{"pear", "apple"})
	case "value":
		panic(fmt.Errorf("cannot read: %w", os.ErrNotExist))
	case "generic":
		done := make(chan int)
		go func() { done <- first([]int{}) }()
		<-done
	case "recorded":
		func() {
			defer func() {
				recover()
				stack := make([]byte, 4096)
				fmt.Print(string(stack[:runtime.Stack(stack, false)]))
			}()
			strings.Repeat("x", -1)
		}()
	case "stack":
		os.Stdout.Write(debug.Stack())
	case "deep":
		debug.SetMaxStack(1 << 16)
		deep(0)
	}
}
