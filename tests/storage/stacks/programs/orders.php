<?php
// Causes, closures, static calls and internal functions: what PHP prints of an exception, and of one that nobody caught.
namespace Acme\Shop;

class Cart
{
    public function total(array $items): int
    {
        return array_sum(array_map(fn ($item) => $this->price($item), $items));
    }

    private function price(string $item): int
    {
        if (!is_numeric($item)) {
            throw new \DomainException("no price:\n#1 {$item}");
        }
        return (int) $item;
    }

    public static function checkout(array $items): void
    {
        try {
            (new Cart())->total($items);
        } catch (\DomainException $error) {
            throw new \RuntimeException('checkout failed', 3, $error);
        }
    }
}

try {
    Cart::checkout(['1', 'pear']);
} catch (\RuntimeException $error) {
    if ($argv[1] === 'uncaught') {
        throw $error;
    }
    echo $argv[1] === 'trace' ? $error->getTraceAsString() : $error, "\n";
}
