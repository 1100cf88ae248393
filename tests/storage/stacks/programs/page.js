class Cart{price(n){return n.item.price}total(n){return n.map(n=>this.price(n))}}
addEventListener("error",n=>{document.body.textContent=n.error.stack});
setTimeout(function(){(()=>new Cart().total([{}]))()},50);
