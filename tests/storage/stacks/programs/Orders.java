package com.acme.shop;

import java.util.List;

/** Causes, suppressed ones, lambdas, an inner class, recursion and the library. */
public class Orders {
    static class Cart implements AutoCloseable {
        int total(List<String> items) {
            return items.stream().map(item -> price(item)).reduce(0, Integer::sum);
        }

        private int price(String item) {
            return Integer.parseInt(item);
        }

        public void close() {
            throw new IllegalStateException("not closed");
        }
    }

    static int depth(int n) {
        return depth(n + 1) + 1;
    }

    static void checkout(String item) {
        try (Cart cart = new Cart()) {
            cart.total(List.of("1", item));
        } catch (NumberFormatException error) {
            throw new RuntimeException("checkout failed:\n\t1 item", error);
        }
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("deep")) depth(0);
        if (args[0].equals("thread")) {
            Thread thread = new Thread(() -> checkout("pear"), "worker-7");
            thread.start();
            thread.join();
        } else {
            Orders.class.getDeclaredMethod("checkout", String.class).invoke(null, "pear");
        }
    }
}
