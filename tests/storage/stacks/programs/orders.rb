# Causes, blocks, class methods and a message of several lines: what full_message gives.
class Cart
  def total(items)
    items.map { |item| price(item) }.sum
  end

  def price(item)
    Integer(item)
  end

  def self.checkout(items)
    new.total(items)
  rescue ArgumentError
    raise "checkout failed\nfor #{items.size} items"
  end
end

def deep(n) = deep(n + 1)

begin
  ARGV[0] == "deep" ? deep(0) : Cart.checkout(["1", "pear"])
rescue SystemStackError, StandardError => error
  puts ARGV[0] == "backtrace" ? error.backtrace.join("\n") : error.full_message(highlight: false, order: :top)
end
