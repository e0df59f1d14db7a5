# Threads, a bounded queue, sockets and children.
require 'socket'
require 'digest/sha2' # not by autoload in many threads at once, which fails

queue = SizedQueue.new(8)
sums = Queue.new
workers = 20.times.map do
  Thread.new do
    sum = 0
    while (n = queue.pop)
      sum += n * n
    end
    sums << sum
  end
end
2000.times { |n| queue << n }
20.times { queue << nil }
workers.each(&:join)
total = 0
total += sums.pop until sums.empty?
puts "squares #{total}"

server = TCPServer.new('127.0.0.1', 0)
port = server.addr[1]
accepter = Thread.new do
  50.times.map do
    client = server.accept
    Thread.new { IO.copy_stream(client, client); client.close }
  end.each(&:join)
end
digests = 50.times.map do |n|
  Thread.new do
    socket = TCPSocket.new('127.0.0.1', port)
    text = "#{n} " * 1000
    writer = Thread.new { socket.write(text); socket.close_write }
    back = socket.read
    writer.join
    back == text ? Digest::SHA256.hexdigest(back) : "wrong #{n}"
  end
end.map(&:value)
accepter.join
puts Digest::SHA256.hexdigest(digests.join)
puts 10.times.map { |n| Thread.new { sleep 0.01; `echo #{n}`.to_i } }.map(&:value).sum
